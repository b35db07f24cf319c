// Package actionfile reads the corporate actions that vendors and brokers export: splits, dividends, changes of symbols
// and mergers.
//
//	file, err := actionfile.Open("AAPL.csv", actionfile.Options{})
//	receipts, err := db.AddActions(ctx, file.Actions, false)
//	for _, refused := range file.Refused { fmt.Println(refused) }
//
// Open recognizes the layout from the content and unpacks .gz, .zip, .tar.gz and .xlsx files. A file of bars is read
// for the columns in which Yahoo and Alpha Vantage write splits and dividends; other columns are ignored.
//
// Nothing is guessed. A row whose ratio the file does not tell exactly is refused, with the reason: a rounded factor
// that several ratios fit, or new shares without the number of old ones. Rows that are not corporate actions are
// counted by kind in File.Others.
package actionfile
