// Package spreadsheet writes CSV that a spreadsheet program shows without computing anything.
package spreadsheet
