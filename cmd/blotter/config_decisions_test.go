package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// Each setting has a decision whether a file that the user has not chosen may set it, and each decision a setting.
func TestEverySettingIsDecided(t *testing.T) {
	t.Parallel()

	root := newRoot()
	used := map[string]bool{}
	for _, cmd := range allCommands(root) {
		name := strings.TrimPrefix(strings.TrimPrefix(cmd.CommandPath(), root.Name()), " ")
		flags := cmd.LocalNonPersistentFlags()
		if cmd == root {
			flags = cmd.PersistentFlags()
		} else if cmd.PersistentFlags().HasFlags() {
			t.Errorf("%s has flags for the commands below it; give each its own", cmd.CommandPath())
		}
		flags.VisitAll(func(flag *pflag.Flag) {
			if notInFile[flag.Name] {
				return
			}
			var found []settingKind
			for _, decision := range settingDecisions {
				if slices.Contains([]string{name, "*"}, decision.command) &&
					slices.Contains(strings.Fields(decision.flags), flag.Name) {
					found = append(found, decision.kind)
					used[decision.command+" --"+flag.Name] = true
				}
			}
			if len(found) != 1 {
				t.Errorf("blotter %s --%s has %d decisions %v in settingDecisions, want 1", name,
					flag.Name, len(found), found)
			}
		})
	}

	for _, decision := range settingDecisions {
		for flag := range strings.FieldsSeq(decision.flags) {
			if key := decision.command + " --" + flag; !used[key] {
				t.Errorf("settingDecisions has %s, which does not exist", key)
			}
		}
	}
}

// A setting without a decision is not taken from a file that the user has not chosen.
func TestUndecidedSettingIsGuarded(t *testing.T) {
	t.Parallel()
	if kind := kindOf(newRoot(), "no-such-flag"); kind != guard {
		t.Errorf("it is %s", kind)
	}
}

// URLs are never harmless, whatever they are called.
func TestURLsAreNotHarmless(t *testing.T) {
	t.Parallel()
	root := newRoot()
	for _, cmd := range allCommands(root) {
		cmd.Flags().VisitAll(func(flag *pflag.Flag) {
			if strings.Contains(flag.Usage, "`URL`") && kindOf(cmd, flag.Name) == harmless {
				t.Errorf("%s --%s is harmless", cmd.CommandPath(), flag.Name)
			}
		})
	}
}
