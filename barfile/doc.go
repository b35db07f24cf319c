// Package barfile reads the bar files that people have: exports of vendors and exchanges, downloads, back-test data.
//
//	file, err := barfile.Open("AAPL.csv", barfile.Options{})
//	defer file.Close()
//	for row, err := range file.Bars() { ... }
//
// Open finds out the format from the content, unpacks .gz, .zip, .tar.gz and .xlsx files, and reports its decisions in
// the fields of File: the format, the symbol, the timeframe and the source. Bars streams the rows in constant memory. A
// file that was opened by its path can be ranged over again.
//
// # What is an error
//
// Three kinds of errors tell what to do:
//
//   - A *NotBarsError names what the file holds instead of bars, for example trades or quotes.
//   - Another error of Open names the option to set, for example for an ambiguous order of day and month, or for times
//     without a zone.
//   - Bars yields a *blotter.RejectedRow for each row that is not a valid bar, with the reason, and goes on.
//
// Nothing is guessed: if the file and Options leave two readings, Open returns an error.
//
// # What is stored
//
// Prices and volumes are exactly as written, never rounded. A bar within a day has the instant at which it begins. A
// bar of a day or longer has midnight UTC of its trading date. Symbols of files that have adjusted prices only end in
// AdjustedSuffix, so that they never mix with prices as traded.
//
// docs/formats.md lists the formats, how they are recognized, and how each is read.
package barfile
