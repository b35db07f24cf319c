package actionfile

import (
	"bufio"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"regexp"
	"strings"

	"github.com/blotterdb/blotter"
	"github.com/blotterdb/blotter/internal/tabular"
)

// Interactive Brokers describes an action in words: GCM(CA38501D2041) SPLIT 1 FOR 25 (GCM, GRAN COLOMBIA GOLD CORP,
// CA38501D5010). It has a row for the shares that go and one for those that come. Its report date is the first day
// after the action.
var (
	flexSplit  = regexp.MustCompile(`(?i)^([^(]+)\([^)]*\) SPLIT (\d+) FOR (\d+)\b`)
	flexChange = regexp.MustCompile(`(?i)^([^(]+)\([^)]*\) (CUSIP/ISIN CHANGE|NAME CHANGE|SYMBOL CHANGE) TO `)
)

// flexOld ends the symbol that Interactive Brokers gives to the shares that go.
const flexOld = ".OLD"

// readFlex reads the corporate actions of a Flex statement.
func (f *File) readFlex(r *bufio.Reader, start []byte) error {
	if !bytes.Contains(start, []byte("<FlexQueryResponse")) {
		return f.notActions("it is XML, but not a Flex statement of Interactive Brokers")
	}
	f.begin("Interactive Brokers Flex XML", "ibkr")

	decoder := xml.NewDecoder(r)
	for {
		line, _ := decoder.InputPos()
		token, err := decoder.RawToken()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return tabular.Error(f.name(), err.Error())
		}
		element, isStart := token.(xml.StartElement)
		if !isStart || element.Name.Local != "CorporateAction" {
			continue
		}

		found := &row{line: int64(line)}
		for _, a := range element.Attr {
			found.names = append(found.names, plainName(a.Name.Local))
			found.cells = append(found.cells, a.Value)
		}
		found.raw = found.get("actiondescription", "description")
		if err := f.flexAction(found); err != nil {
			return err
		}
	}
}

// flexAction reads an element. Only the descriptions of splits and changes of symbols are exact.
func (f *File) flexAction(r *row) error {
	exDate, err := date(r.get("reportdate"))
	if err != nil {
		f.refuse(r, r.get("symbol"), "the report date: "+err.Error())
		return nil
	}

	if split := flexSplit.FindStringSubmatch(r.raw); split != nil {
		newShares, oldShares, err := blotter.ParseRatio(split[2] + ":" + split[3])
		if err != nil {
			f.refuse(r, split[1], err.Error())
			return nil
		}
		return f.add(r, splitAction(strings.ToUpper(split[1]), exDate, ratio{newShares, oldShares}), "")
	}

	change := flexChange.FindStringSubmatch(r.raw)
	if change == nil {
		f.Others[flexKind(r.raw)]++
		return nil
	}
	from := strings.ToUpper(change[1])
	to := strings.ToUpper(r.get("symbol"))
	if to == "" || to == from || strings.HasSuffix(to, flexOld) || strings.HasPrefix(r.get("quantity"), "-") {
		f.Others["change of an identifier"]++
		return nil
	}
	return f.add(r, blotter.CorporateAction{
		Symbol: from, ExDate: exDate, Kind: blotter.ActionSymbolChange, RatioNew: 1, RatioOld: 1, NewSymbol: to,
	}, "")
}

// flexKind returns what an action is that is not read.
func flexKind(description string) string {
	words := []string{"MERGED", "TENDERED", "SPINOFF", "STOCK DIVIDEND", "RIGHTS", "DELISTED", "SUBSCRIBES", "DIVIDEND"}
	upper := strings.ToUpper(description)
	for _, word := range words {
		if strings.Contains(upper, word) {
			return "corporate action (" + strings.ToLower(word) + ")"
		}
	}
	return "other corporate action"
}
