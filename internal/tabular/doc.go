// Package tabular reads tables of text: exports of vendors, brokers and spreadsheets.
//
// A file passes through four steps, each of which has its own file here:
//
//   - Open and NewSource unpack it: gzip, zip, tar and .xlsx workbooks (source.go). NextAccepted passes the members of
//     an archive to their reader.
//   - UTF8 decodes its text (charset.go).
//   - TextReader and JSONReader divide the text into records of cells (text.go, json.go); Delimiter finds what stands
//     between cells.
//   - Notation and Clock read a cell as a number or as a time (number.go, clock.go); Instants places a local time in a
//     zone (zone.go).
//
// Nothing here guesses: a number is read as it is written, never through a float, and a cell that has no single meaning
// is an error. Packages barfile and fillfile decide what a column means.
package tabular
