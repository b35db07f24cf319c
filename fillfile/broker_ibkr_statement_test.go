package fillfile_test

import (
	"errors"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

// A statement that was generated in another zone than New York's does not say which zone its times are in.
func TestStatementZoneIsAsked(t *testing.T) {
	t.Parallel()
	const statement = `Statement,Header,Feldname,Feldwert
Statement,Data,Title,Umsatzübersicht
Statement,Data,WhenGenerated,"2022-07-02, 05:10:00 CEST"
Kontoinformation,Header,Feldname,Feldwert
Kontoinformation,Data,Konto,U5550123
Kontoinformation,Data,Basiswährung,EUR
Transaktionen,Header,DataDiscriminator,Vermögenswertkategorie,Währung,Symbol,Datum/Zeit,Menge,T.-Kurs,Erlös,Prov./Gebühr
Transaktionen,Data,Order,Aktien,USD,NVO,"2022-07-01, 09:45:10",30,110.5,-3315,-1.2
`

	var ask *fillfile.AskError
	if r := read(t, statement, fillfile.Options{}); !errors.As(r.err, &ask) || ask.Option != "tz" {
		t.Fatalf("got %v, want an AskError about the zone", r.err)
	}

	r := read(t, statement, fillfile.Options{Zone: "Europe/Berlin"})
	if r.err != nil {
		t.Fatal(r.err)
	}
	compare(t, r, []string{"U5550123 2022-07-01T07:45:10Z buy 30 NVO @ 110.5 USD fee 1.2"}, nil, nil)
}
