// Package barfile reads the bar files that people have.
//
//	file, err := barfile.Open("AAPL.csv", barfile.Options{})
//	defer file.Close()
//	for row, err := range file.Bars() { ... }
//
// Open recognises the layout from the file's content and says which it chose; Bars streams in constant memory. A row
// that is no bar comes as a *blotter.RejectedRow, says why, and stops nothing. A file that is no bar file at all is one
// error. Decimals are taken as written. A daily bar's timestamp is midnight UTC of its trading date.
//
// Layouts so far: Yahoo CSV (Date,Open,High,Low,Close,Adj Close,Volume, in either order of the last two) and CSV whose
// header names its columns (date,open,high,low,close,volume,Name and the usual other names of these). Of other vendors'
// files, those that look like the latter are read as CSV.
package barfile
