package main

import "github.com/spf13/cobra"

func eventsCommand(set *settings) *cobra.Command {
	return noun("events", "Follow the events, and manage their consumers", `  blotter events status
  blotter events tail
  blotter events resolve analytics ACC123`,
		eventsStatus(set), eventsTail(set), eventsResolve(set), eventsReplay(set), eventsExpire(set), eventsRebase(set))
}
