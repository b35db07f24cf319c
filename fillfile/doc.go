// Package fillfile reads the fills that brokers and exchanges export.
//
//	file, err := fillfile.Open("activity.xml", fillfile.Options{})
//	defer file.Close()
//	for fill, err := range file.Fills() { ... book fill.Trade ... }
//	fmt.Println(file.Summary()) // 12 fills; left out: 5 dividends, 3 deposits
//
// Open recognises the layout from the content, through .gz, .zip, .tar.gz and .xlsx, and says which it chose; Fills
// streams. A row that should be a fill and cannot be read comes as a *blotter.RejectedRow, says why, and stops nothing. A
// row that is something else (a dividend, a deposit, a conversion) is counted by kind in File.Others. A file without
// fills is a *NotFillsError that names what it holds.
//
// Numbers are taken as written, never through a float and never rounded, unless Options.Round asks for it; only a back
// test's, which are binary floats, are rounded by default, and Fill.Rounded says so. A trade's id is the file's own
// execution id, else a hash of the fill's content: the same fill in a longer export has the same id.
//
// docs/fills.md lists the layouts, how they are told apart, and what is read how.
package fillfile
