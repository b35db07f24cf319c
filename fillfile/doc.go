// Package fillfile reads the fills that brokers and exchanges export.
//
//	file, err := fillfile.Open("activity.xml", fillfile.Options{})
//	defer file.Close()
//	for fill, err := range file.Fills() { ... book fill.Trade ... }
//	fmt.Println(file.Summary()) // 12 fills; left out: 5 dividends, 3 deposits
//
// Open recognizes the layout from the content and unpacks .gz, .zip, .tar.gz and .xlsx files. Fills streams.
// OpenPositions reads a broker's list of positions, to be compared with the book.
//
// # What is an error
//
//   - A *NotFillsError names what the file holds instead of fills.
//   - An *AskError names an option that the user has to set because the file does not say, for example the account.
//   - Fills yields a *blotter.RejectedRow for each row that should be a fill and cannot be read, with the reason, and
//     goes on.
//
// A row that is something else, such as a dividend, a deposit or a conversion, is not an error: File.Others counts it
// by kind. Nothing about money is guessed: a sign, a currency or a multiplier that the file does not tell is an error.
//
// # What is stored
//
// Numbers are exactly as written, never through a float. They are rounded only if Options.Round says so, and in back
// tests, whose numbers are binary floats; Fill.Rounded marks these. A fill's id is the execution id of the file.
// Without one, it is a hash of the fill's content, so that the same fill has the same id in a longer export.
//
// docs/fills.md lists the layouts, how they are recognized, and how each is read.
package fillfile
