// Package fillfile reads the fills that brokers and exchanges export.
//
//	file, err := fillfile.Open("activity.xml", fillfile.Options{})
//	defer file.Close()
//	for fill, err := range file.Fills() { ... book fill.Trade ... }
//	fmt.Println(file.Summary()) // 12 fills; left out: 5 dividends, 3 deposits
//
// Open recognizes the layout from the content and unpacks .gz, .zip, .tar.gz and .xlsx files. Fills streams.
// OpenPositions reads a broker's list of positions, to be compared with the book. docs/fills.md lists the layouts.
//
// # What is an error
//
//   - A *NotFillsError names what the file holds instead of fills.
//   - An *AskError names an option that the user has to set because the file does not say, for example the account.
//   - Fills yields a *blotter.RejectedRow for each row that should be a fill and cannot be read, with the reason, and
//     goes on.
//
// A row that is something else, such as a dividend, a deposit or a conversion, is not an error: File.Others counts it
// by kind. Nothing about money is guessed: a sign, a currency or a multiplier that is not in the file is an error.
//
// # What is stored
//
// Numbers are exactly as written, never through a float. They are rounded only if Options.Round says so, and in back
// tests, whose numbers are binary floats; Fill.Rounded marks these. A fill's id is the execution id of the file.
// Without one, it is a hash of the fill's content, so that the same fill has the same id in a longer export.
//
// # How a file is read
//
//   - Package internal/tabular unpacks and decodes the file, and divides it into records.
//   - The layout is found by the names of the columns or JSON values (recognise.go, text.go, json.go, xml.go).
//   - The first rows decide how dates and numbers are written (settle.go).
//   - The layout reads each row into drafts of fills, which are texts (broker_*.go). Files of unknown layout are read
//     by the meaning of their columns (generic.go, columns.go).
//   - A draft becomes a Fill: its symbol, currency and numbers are read, and its totals must agree (draft.go,
//     symbol.go, currency.go, money.go).
//
// # Adding a broker's layout
//
// A layout consists of the names that recognize it and of a function that reads a row. To add one:
//
//   - Put an export, without anything private, and the fills that it holds into testdata/examples/NAME.txt.
//     TestExamples reads it.
//   - Write the layout in broker_NAME.go. broker_freetrade.go is a short one; type layout describes the fields.
//   - Add it to textLayouts or jsonLayouts in layout.go.
//   - Add a row to the table in docs/fills.md.
package fillfile
