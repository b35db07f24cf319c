package main

import (
	"fmt"
	"io"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/events"
	"github.com/spf13/cobra"
)

func rolesRedis(set *settings) *cobra.Command {
	var prefix string
	cmd := &cobra.Command{
		Use:   "redis",
		Short: "Print the commands that create two users of Redis",
		Long: `Print the commands that create two users of Redis: one that publishes, for
blotter serve, and one that subscribes and reads the streams. Neither may do
anything else. The commands have no passwords; set them afterwards, and prevent
others from writing:

    ACL SETUSER blotter_publisher >PASSWORD
    ACL SETUSER blotter_subscriber >PASSWORD
    ACL SETUSER default resetpass off
    ACL SAVE

ACL SETUSER default ... off locks out everybody who logs in as default: create
an administrator first. ACL SAVE needs an aclfile; without one, CONFIG REWRITE
stores the users. blotter doctor --redis URL checks who may write.`,
		Example: "  blotter roles redis | redis-cli",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !redisLogin.MatchString(prefix) {
				return usagef("invalid --prefix %q: want up to 40 lower-case letters, digits and underscores, "+
					"a letter first", prefix)
			}

			lines := events.RedisACL("", prefix)
			return set.print(cmd, lines, func(w io.Writer) error {
				_, err := fmt.Fprintln(w, strings.Join(lines, "\n"))
				return err
			})
		},
	}
	cmd.Flags().StringVar(&prefix, "prefix", "blotter_", "`beginning` of the names of the users")
	return cmd
}

// redisLogin matches the beginning of names, which is part of the printed commands.
var redisLogin = regexp.MustCompile(`^[a-z][a-z0-9_]{0,39}$`)
