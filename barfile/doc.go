// Package barfile reads the bar files that people have: exports of vendors and exchanges, downloads, back-test data.
//
//	file, err := barfile.Open("AAPL.csv", barfile.Options{})
//	defer file.Close()
//	for row, err := range file.Bars() { ... }
//
// Open finds out the format from the content, unpacks .gz, .zip, .tar.gz and .xlsx files, and reports its decisions in
// the fields of File: the format, the symbol, the timeframe and the source. Bars streams the rows in constant memory. A
// file that was opened by its path can be ranged over again. docs/formats.md lists the formats.
//
// # What is an error
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
// # How a file is read
//
//   - Package internal/tabular unpacks and decodes the file, and divides it into records.
//   - The first records decide the layout: which column is the open, the date, the symbol (recognise.go). Columns are
//     found by their names (layout.go, header.go), or by their cells in files without names.
//   - The names of the columns decide the format, which is the vendor (format.go). Lean's files are recognized by their
//     path (lean.go).
//   - The first rows decide the unit and the order of dates, the symbol, the zone and the timeframe (epoch.go,
//     date_order.go, settle.go, timeframe.go). The name of the file may contain symbol and timeframe (symbol.go).
//   - Each record becomes a bar (row.go).
//
// # Adding a vendor's format
//
// Most files need no code, because their columns have known names. To add a vendor:
//
//   - Put a file and its bars into testdata/examples/NAME.txt. TestExamples reads it.
//   - Add unknown names of columns to fieldNames in layout.go, or a layout of a file without names to unnamedLayouts.
//   - If bars are to be stored under the vendor's name, add a format to format.go, and to formatOf how its columns are
//     recognized.
//   - Add a row to the table in docs/formats.md.
package barfile
