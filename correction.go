package blotter

import "time"

// CorrectionKind says what the broker did to a trade.
type CorrectionKind string

// The kinds of corrections.
const (
	Bust    CorrectionKind = "bust"    // the trade was cancelled
	Restate CorrectionKind = "correct" // the trade was cancelled and replaced by another one
)

// Correction cancels a trade. The trade stays in the book without effect ([Voided]). If the broker restated it, another
// trade replaces it. Its key is (AccountID, CorrectionID). Corrections are append-only.
type Correction struct {
	AccountID    string         `db:"account_id"`
	CorrectionID string         `db:"correction_id"`
	Symbol       string         `db:"symbol"`
	TradeID      string         `db:"trade_id"`
	Side         Side           `db:"side"`
	Kind         CorrectionKind `db:"kind"`
	ReplacedBy   string         `db:"replaced_by"` // the trade id of the replacement
	Note         string         `db:"note"`
	CreatedAt    time.Time      `db:"created_at,generated"`
}

// Check returns ErrInvalid for a correction without account, id or trade.
func (c Correction) Check() error {
	if err := CheckAccountID(c.AccountID); err != nil {
		return err
	}
	return checkTexts([]textField{
		{"correction_id", c.CorrectionID, 1, IDLengthMax},
		{"trade_id", c.TradeID, 1, IDLengthMax},
		{"symbol", c.Symbol, 0, SymbolLengthMax},
		{"replaced_by", c.ReplacedBy, 0, IDLengthMax},
		{"note", c.Note, 0, adjustmentNoteMax},
	})
}

// Differences returns the names of the fields in which c differs from the stored correction of the same key.
func (c Correction) Differences(stored Correction) (fields []string) {
	add := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}

	add("kind", c.Kind != stored.Kind)
	add("trade_id", c.TradeID != stored.TradeID)
	add("symbol", c.Symbol != "" && c.Symbol != stored.Symbol)
	add("side", c.Side != "" && c.Side != stored.Side)
	add("replaced_by", c.ReplacedBy != "" && c.ReplacedBy != stored.ReplacedBy)
	return fields
}
