// Package barfile reads the bar files that people have.
//
//	file, err := barfile.Open("AAPL.csv", barfile.Options{})
//	defer file.Close()
//	for row, err := range file.Bars() { ... }
//
// Open recognises the format from the content, through .gz, .zip, .tar.gz and .xlsx, and says which it chose; Bars
// streams in constant memory and can be ranged over again. A row that is no bar comes as a *blotter.RejectedRow, says
// why, and stops nothing. A file that is something else, as trades or quotes, is a *NotBarsError that names it. Decimals
// are taken as written. A bar of a day or longer stands at midnight UTC of its trading date.
//
// docs/formats.md lists the formats, how they are told apart, and what is read how.
package barfile
