// Package example reads the files of examples from which packages barfile and fillfile are tested.
//
// An example is a file as a vendor or broker writes it, and what comes out of it. It stands in a file of its own in
// testdata/examples, with its name and settings first and named sections after them:
//
//	# DEGIRO, transactions
//	recognized: DEGIRO transactions CSV
//	account: A
//	-- file --
//	Date,Time,Product,ISIN,...
//	-- fills --
//	A 2024-03-05T14:30:00Z sell 3 US0000000001 @ 101.5 USD fee 2 EUR order ffff
//
// The setting "bytes" says how the section "file" is encoded, which a text file does not show: any of BOM, CRLF and
// Latin-1.
package example
