package web

import "slices"

// viewer is whoever looks.
type viewer struct {
	name     string   // of the user; "local" for whoever opened the one-time link
	accounts []string // whose rows they may see, sorted; unused with all
	all      bool     // they may see all accounts
	operator bool     // they may see the pages of the operator
	signedIn bool     // they can sign out
}

// localUser is the name of whoever opened the one-time link.
const localUser = "local"

// sees reports whether the viewer may see the rows of an account.
func (v *viewer) sees(account string) bool { return v.all || slices.Contains(v.accounts, account) }
