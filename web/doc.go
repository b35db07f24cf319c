// Package web is the dashboard: what a trader and an operator open in the morning.
//
// It never writes to the book. Every page reads in a ReadOnly session: of one account as trading_readonly, of all
// accounts as trading_reporter, so that no handler can show a row that its viewer may not see. Only sign-in sessions,
// and the audit log of logins and downloads, are written, by trading_service.
//
//	request -> limits -> host, headers, origin -> viewer (link or sign-in) -> scope (account) -> page or download
//
// A viewer is whoever opened the one-time link, or a signed-in user. The scope of a request is one account of the
// viewer, or all accounts if the viewer may see all. Pages are built from data in Go, and written by html/template.
package web
