package postgres

import "strings"

// SecurityDefiners are the functions of the schema that act as their owner, each with the types of its arguments.
func SecurityDefiners() []string {
	var names []string
	for line := range strings.Lines(expectedCatalog) {
		object, description, _ := strings.Cut(line, ": ")
		if name, isFunction := strings.CutPrefix(object, "function "); isFunction && strings.HasPrefix(description, "security definer ") {
			names = append(names, name)
		}
	}
	return names
}

// Grants are what the migrations grant on each object ("table execution.trades", "schema events", ...), each as
// "role=privilege" in lower case.
func Grants() map[string][]string {
	grants := map[string][]string{}
	for line := range strings.Lines(expectedCatalog) {
		object, description, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		object, isGrant := strings.CutPrefix(object, "grants on ")
		if !isGrant {
			continue
		}
		for _, grant := range strings.Fields(description) {
			role, privileges, _ := strings.Cut(grant, "=")
			for _, privilege := range strings.Split(privileges, ",") {
				grants[object] = append(grants[object], role+"="+privilege)
			}
		}
	}
	return grants
}
