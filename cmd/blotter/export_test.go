package main

import (
	"context"
	"strings"
)

// Run runs the program with the arguments of the process. The test binary uses it to act as the program.
var Run = run

// RunHere runs a command in the process of the test and returns what it prints, the line that says why it failed, and
// its exit status. The command must not write to the standard streams of the process by itself.
func RunHere(ctx context.Context, args ...string) (out, message string, status int) {
	var printed strings.Builder
	root := newRoot()
	root.SetArgs(args)
	root.SetOut(&printed)

	status, message = ending(ctx, root.ExecuteContext(ctx))
	if message != "" {
		message += "\n"
	}
	return printed.String(), message, status
}
