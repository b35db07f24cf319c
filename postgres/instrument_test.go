package postgres_test

import (
	"fmt"
	"testing"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/pgtest"
	"github.com/blotterdb/blotter/postgres"
)

func setInstrument(t *testing.T, d *pgtest.Database, facts blotter.InstrumentFacts) blotter.Instrument {
	t.Helper()
	i, err := d.SetInstrument(t.Context(), facts)
	if err != nil {
		t.Fatal(err)
	}
	return i
}

// factsOf writes what was stated of a symbol as one line.
func factsOf(t *testing.T, d *pgtest.Database, symbol string) string {
	t.Helper()
	all, err := d.Instruments(t.Context(), []string{symbol})
	if err != nil {
		t.Fatal(err)
	}

	f := all[symbol]
	line := f.Symbol
	if f.Multiplier != nil {
		line += " x" + f.Multiplier.String()
	}
	if f.Currency != nil {
		line += " " + *f.Currency
	}
	if f.AllowsNegative != nil {
		line += fmt.Sprint(" ", *f.AllowsNegative)
	}
	if f.Calendar != nil {
		line += " " + string(*f.Calendar)
	}
	if f.AssetClass != nil {
		line += " " + *f.AssetClass
	}
	if f.Name != nil {
		line += " " + *f.Name
	}
	return line
}

// A fact is what somebody stated, even if it equals the default; a default is not a fact.
func TestInstrumentFactsAreNotDefaults(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	d.Exec(t, `insert into data_ingestion.instruments (symbol) values ('PLAIN')`)
	d.Exec(t, `insert into data_ingestion.instruments (symbol, multiplier) values ('WRITTEN', 25)`)
	setInstrument(t, d, blotter.InstrumentFacts{Symbol: "WRITTEN2", Name: new("first")})
	d.Exec(t, `insert into data_ingestion.instruments (symbol, currency) values ('WRITTEN3', 'SEK')`)
	setInstrument(t, d, blotter.InstrumentFacts{Symbol: "WRITTEN3", Name: new("third")})
	setInstrument(t, d, blotter.InstrumentFacts{
		Symbol: "SAID", Multiplier: new(dec("1")), Currency: new("USD"), AllowsNegative: new(false),
	})
	setInstrument(t, d,
		blotter.InstrumentFacts{Symbol: "SAID", Calendar: new(blotter.AllDays), AssetClass: new("future")})

	for symbol, want := range map[string]string{
		"NONE":     "NONE",
		"PLAIN":    "PLAIN",
		"WRITTEN":  "WRITTEN x25 USD",
		"WRITTEN2": "WRITTEN2 first",
		"WRITTEN3": "WRITTEN3 x1 SEK third",
		"SAID":     "SAID x1 USD false all_days future",
	} {
		if got := factsOf(t, d, symbol); got != want {
			t.Errorf("facts of %s are %q, want %q", symbol, got, want)
		}
	}
}

// Stated facts stay, whatever bars suggest; other facts follow the bars.
func TestBarsDoNotChangeWhatIsStated(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	setInstrument(t, d,
		blotter.InstrumentFacts{Symbol: "FIXED", AllowsNegative: new(false), Calendar: new(blotter.Weekdays)})
	ctx := blotter.WithAllAccounts(t.Context())
	for _, symbol := range []string{"FIXED", "FREE"} {
		if _, err := d.ImportBars(ctx, postgres.BarImport{Bars: barsOf(symbol, "test", "-3", 9)}); err != nil {
			t.Fatal(err)
		}
	}

	if got, want := factsOf(t, d, "FIXED"), "FIXED false weekdays"; got != want {
		t.Errorf("after bars below 0: %q, want %q", got, want)
	}
	if got, want := factsOf(t, d, "FREE"), "FREE true"; got != want {
		t.Errorf("after bars below 0: %q, want %q", got, want)
	}
}

// Another multiplier or currency than the booked one would be true of later trades only.
func TestInstrumentOfBookedTrades(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	f := buy("T1")
	f.Symbol = "FDAX"
	f.Multiplier = dec("25")
	f.Currency = "EUR"
	if _, err := d.ExecuteTrade(as(t, "A1"), f); err != nil {
		t.Fatal(err)
	}

	for _, facts := range []blotter.InstrumentFacts{
		{Symbol: "FDAX", Multiplier: new(dec("5"))},
		{Symbol: "FDAX", Currency: new("USD")},
		{Symbol: "FDAX", Multiplier: new(dec("25.00")), Currency: new("USD")},
	} {
		_, err := d.SetInstrument(t.Context(), facts)
		wantKind(t, "another multiplier or currency than is booked", err, blotter.ErrConflict)
	}

	if got := factsOf(t, d, "FDAX"); got != "FDAX" {
		t.Errorf("a refused statement left %q", got)
	}
	setInstrument(t, d, blotter.InstrumentFacts{
		Symbol: "FDAX", Multiplier: new(dec("25")), Currency: new("EUR"), AllowsNegative: new(true),
	})
	if got, want := factsOf(t, d, "FDAX"), "FDAX x25 EUR true"; got != want {
		t.Errorf("facts are %q, want %q", got, want)
	}
}

// A first trade takes what was stated. A currency that nobody stated, as of an instrument that bars made, is not taken:
// the account's is.
func TestFirstTradeTakesFacts(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	d.Exec(t, `insert into execution.accounts (account_id, currency) values ('A1', 'NOK')`)
	d.Exec(t, `insert into data_ingestion.instruments (symbol) values ('BARS')`)
	setInstrument(t, d, blotter.InstrumentFacts{Symbol: "USDS", Currency: new("USD")})
	setInstrument(t, d, blotter.InstrumentFacts{Symbol: "NEG", Multiplier: new(dec("1000")), AllowsNegative: new(true)})

	for symbol, want := range map[string]string{"BARS": "1 NOK", "USDS": "1 USD", "NEG": "1000 NOK"} {
		f := fill("T-"+symbol, blotter.Buy, "2", "7")
		if f.Symbol = symbol; symbol == "NEG" {
			f.Price = dec("-7")
		}
		r, err := d.ExecuteTrade(as(t, "A1"), f)
		if got := r.Trade.Multiplier.String() + " " + r.Trade.Currency; err != nil || got != want {
			t.Errorf("%s is booked as %s, %v; want %s", symbol, got, err, want)
		}
	}
}

func TestInvalidInstrumentFacts(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)

	for _, facts := range []blotter.InstrumentFacts{
		{Symbol: ""},
		{Symbol: "A", Multiplier: new(dec("0"))},
		{Symbol: "A", Multiplier: new(dec("-1"))},
		{Symbol: "A", Currency: new("")},
		{Symbol: "A", Currency: new("usd")},
		{Symbol: "A", Calendar: new(blotter.Calendar("never"))},
		{Symbol: "A", Name: new("a\x00b")},
	} {
		_, err := d.SetInstrument(t.Context(), facts)
		wantKind(t, fmt.Sprintf("%+v", facts), err, blotter.ErrInvalid)
	}
}

// The audit log says who stated what, and nothing of what an import made or of a statement made before.
func TestInstrumentStatementsAreAudited(t *testing.T) {
	t.Parallel()
	d := pgtest.Open(t)
	ctx := blotter.WithUser(t.Context(), "ann")
	for range 2 {
		if _, err := d.SetInstrument(ctx,
			blotter.InstrumentFacts{Symbol: "GC", Multiplier: new(dec("100"))}); err != nil {
			t.Fatal(err)
		}
	}

	got := pgtest.Value[string](t, d, `
		select string_agg(user_id || ' ' || operation || ' ' || key || ' ' || (new - 'stated'), ', ')
		from shared.audit_log where table_name = 'data_ingestion.instruments'`)
	if want := `ann UPDATE {"symbol": "GC"} {"multiplier": 100}`; got != want {
		t.Errorf("audited: %s, want %s", got, want)
	}
}
