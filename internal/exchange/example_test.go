package exchange_test

import (
	"fmt"
	"time"

	"github.com/blotterdb/blotter/internal/exchange"
)

func ExampleOfSymbol() {
	london := exchange.OfSymbol("VOD.L")
	boxingDay := time.Date(2024, 12, 26, 0, 0, 0, 0, time.UTC)
	fmt.Println(london.Code, london.Zone, london.IsHoliday(boxingDay))
	// Output: XLON Europe/London true
}
