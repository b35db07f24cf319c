package fillfile_test

import (
	"strings"
	"testing"

	"github.com/blotterdb/blotter/fillfile"
)

// newYork is what a user says of a file whose times are New York's.
var newYork = fillfile.Options{Account: "A", Zone: "America/New_York"}

const (
	schwabHead     = "\"Date\",\"Action\",\"Symbol\",\"Description\",\"Quantity\",\"Price\",\"Fees & Comm\",\"Amount\"\n"
	tastytradeHead = "Date,Type,Sub Type,Action,Symbol,Instrument Type,Description,Value,Quantity,Average Price,Commissions,Fees,Multiplier,Root Symbol,Underlying Symbol,Expiration Date,Strike Price,Call or Put,Order #,Currency\n"
	tastyworksHead = "Date/Time,Transaction Code,Transaction Subcode,Symbol,Buy/Sell,Open/Close,Quantity,Expiration Date,Strike,Call/Put,Price,Fees,Amount,Description,Account Reference\n"
	robinhoodHead  = "\"Activity Date\",\"Process Date\",\"Settle Date\",\"Instrument\",\"Description\",\"Trans Code\",\"Quantity\",\"Price\",\"Amount\"\n"
	fidelityHead   = "\n\nRun Date,Account,Account Number,Action,Symbol,Description,Type,Price ($),Quantity,Commission ($),Fees ($),Accrued Interest ($),Amount ($),Settlement Date\n"
	tosHead        = "Filled Orders\n,,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Price Improvement,Order Type\n"
)

// usBrokers are histories of brokers of the United States, with the ends of options.
var usBrokers = []example{
	{
		"Schwab, the lives of options", schwabHead +
			"\"05/20/2024 as of 05/17/2024\",\"Expired\",\"GM 05/17/2024 48.00 C\",\"CALL GENERAL MOTORS\",\"-4\",\"\",\"\",\"\"\n" +
			"\"05/20/2024 as of 05/17/2024\",\"Exchange or Exercise\",\"T 05/17/2024 15.00 C\",\"CALL AT&T\",\"1\",\"\",\"\",\"\"\n" +
			"\"05/20/2024 as of 05/17/2024\",\"Assigned\",\"XSP 05/17/2024 520.00 C\",\"CALL XSP\",\"2\",\"\",\"\",\"-$1,050.00\"\n" +
			"\"05/17/2024\",\"Expired\",\"XYZW\",\"A RIGHT\",\"2\",\"\",\"\",\"\"\n" +
			"\"04/03/2024\",\"Buy to Open\",\"GM 05/17/2024 48.00 C\",\"CALL GENERAL MOTORS\",\"4\",\"$0.75\",\"$2.65\",\"-$302.65\"\n" +
			"\"04/02/2024\",\"Sell to Open\",\"GM 05/17/2024 48.00 C\",\"CALL GENERAL MOTORS\",\"4\",\"$0.75\",\"$2.65\",\"$320.00\"\n" +
			"\"04/02/2024\",\"Buy\",\"912796ZZ9\",\"US TREASURY BILL24\",\"3000\",\"$98.50\",\"\",\"-$2,955.00\"\n" +
			"\"04/01/2024\",\"Buy\",\"GM\",\"GENERAL MOTORS\",\"10\",\"$45.00\",\"\",\"$450.00\"\n" +
			"\"04/01/2024\",\"Reinvest Shares\",\"GM\",\"GENERAL MOTORS\",\"10.0443\",\"$13.17\",\"\",\"-$132.25\"\n" +
			"\"04/01/2024\",\"Reinvest Shares\",\"GM\",\"GENERAL MOTORS\",\"10.0443\",\"$13.17\",\"\",\"-$132.50\"\n" +
			"\"04/01/2024\",\"Sell to Close\",\"GM 05/17/2024 60.00 C\",\"CALL GENERAL MOTORS\",\"1\",\"$0.01\",\"$1.32\",\"-$0.32\"\n" +
			"\"04/01/2024\",\"Gift Of Shares\",\"GM\",\"GENERAL MOTORS\",\"10\",\"$13.17\",\"\",\"-$131.70\"\n",
		account,
		"Schwab CSV",
		[]string{
			"A 2024-05-17T00:00:00Z ends 4 GM 05/17/2024 48.00 C @ 0 x100 USD",
			"A 2024-05-17T00:00:00Z ends 1 T 05/17/2024 15.00 C @ 0 x100 USD",
			"A 2024-05-17T00:00:00Z buy 2 XSP 05/17/2024 520.00 C @ 5.25 x100 USD",
			"A 2024-04-03T00:00:00Z buy 4 GM 05/17/2024 48.00 C @ 0.75 x100 USD fee 2.65",
			"A 2024-04-02T00:00:00Z buy 3000 912796ZZ9 @ 98.5 x0.01 USD",
			"A 2024-04-01T00:00:00Z buy 10.0443 GM @ 13.17 USD",
			"A 2024-04-01T00:00:00Z sell 1 GM 05/17/2024 60.00 C @ 0.01 x100 USD fee 1.32",
		},
		[]string{
			"quantity 4 x price 0.75 x 100 is 300, with and without fees, but the file's total is $320.00",
			`side "Buy" contradicts the sign of the amount $450.00`,
			"but the file's total is -$132.50",
			"the action Gift Of Shares is not known",
		},
		map[string]int64{"corporate action": 1},
	},
	{
		"tastytrade", tastytradeHead +
			"2024-03-15T21:00:00+0000,Receive Deliver,Assignment,BUY_TO_CLOSE,F     240315P00012500,Equity Option,Removal of 2.0 F 03/15/24 Put 12.50 due to assignment.,0.00,2,0.00,--,0.00,100,F,F,3/15/24,12.5,PUT,,USD\n" +
			"2024-03-15T21:00:00+0000,Receive Deliver,Buy to Open,BUY_TO_OPEN,F,Equity,Buy to Open 200 F @ 12.50,\"-2,500.00\",200,-12.50,--,-5.00,1,,F,,,,,USD\n" +
			"2024-03-15T21:00:00+0000,Receive Deliver,Cash Settled Exercise,SELL_TO_CLOSE,XSP   240315C00500000,Equity Option,Cash settled,820.00,1,0.00,--,0.00,100,XSP,XSP,3/15/24,500,CALL,,USD\n" +
			"2024-02-05T15:00:00+0000,Trade,Buy,BUY,/MESH4,Future,Bought 1 /MESH4 @ 4950.25,0.00,1,0.00,-0.85,-0.37,,,,,,,7,USD\n" +
			"2024-02-05T14:31:00+0000,Trade,Sell to Open,SELL_TO_OPEN,F     240315P00012500,Equity Option,Sold 2 F 03/15/24 Put 12.50 @ 0.85,170.00,2,85.00,-2.00,-0.24,100,F,F,3/15/24,12.5,PUT,6,USD\n" +
			"2024-02-05T14:30:00+0000,Trade,Buy to Open,BUY_TO_OPEN,F,Equity,Bought 3 F @ 12.10,-36.30,3,-12.10,0.00,-0.01,1,,F,,,,5,USD\n" +
			"2024-02-05T14:29:00+0000,Trade,Buy to Open,BUY_TO_OPEN,F,Equity,Bought 3 F @ 12.10,-39.30,3,-13.10,0.00,-0.01,1,,F,,,,4,USD\n" +
			"2024-02-05T14:28:00+0000,Trade,Exchange,SWAP,F,Equity,Swapped,-39.30,3,-13.10,0.00,-0.01,1,,F,,,,4,USD\n" +
			"2024-02-02T22:00:00+0000,Receive Deliver,Forward Split,BUY_TO_OPEN,KHC,Equity,Forward split: Open 20 KHC,-500.00,20,-25.00,--,0.00,1,,KHC,,,,,USD\n" +
			"2024-02-01T22:00:00+0000,Money Movement,Deposit,,,,ACH DEPOSIT,\"1,000.00\",0,,--,0.00,,,,,,,,USD\n" +
			"2024-02-01T22:00:00+0000,Money Movement,Credit Interest,,,,INTEREST,0.07,0,,--,0.00,,,,,,,,USD\n",
		account,
		"tastytrade CSV",
		[]string{
			"A 2024-03-15T21:00:00Z buy 2 F     240315P00012500 @ 0 x100 USD",
			"A 2024-03-15T21:00:00Z buy 200 F @ 12.5 x1 USD fee 5",
			"A 2024-03-15T21:00:00Z sell 1 XSP   240315C00500000 @ 8.2 x100 USD",
			"A 2024-02-05T15:00:00Z buy 1 /MESH4 @ 4950.25 no multiplier USD fee 1.22 order 7",
			"A 2024-02-05T14:31:00Z sell 2 F     240315P00012500 @ 0.85 x100 USD fee 2.24 order 6",
			"A 2024-02-05T14:30:00Z buy 3 F @ 12.1 x1 USD fee 0.01 order 5",
		},
		[]string{"is 36.3, with and without fees, but the file's total is -39.30", "the action SWAP is neither to buy nor to sell"},
		map[string]int64{"split": 1, "deposit": 1, "interest payment": 1},
	},
	{
		"tastyworks, the older history", tastyworksHead +
			"02/18/2022 4:00 PM,Receive Deliver,Expiration,INTC,,,3,02/18/2022,52.5,C,,0.00,0.00,Removal of option due to expiration,Jane Roe...07\n" +
			"02/18/2022 4:00 PM,Receive Deliver,Symbol Change,INTC,,,3,,,,,0.00,0.00,Symbol change,Jane Roe...07\n" +
			"02/02/2022 10:00 AM,Trade,Sell to Open,INTC,Sell,Open,3,02/18/2022,52.5,C,0.62,3.43,186,Sold 3 INTC 02/18/22 Call 52.50 @ 0.62,Jane Roe...07\n" +
			"02/01/2022 10:00 AM,Trade,Buy,INTC,Buy,Open,5,,,,48.10,0.01,-240.5,Bought 5 INTC @ 48.10,Jane Roe...07\n" +
			"02/01/2022 9:00 AM,Money Movement,Deposit,,,,0,,,,,0.00,500,Wire Funds Received,Jane Roe...07\n",
		newYork,
		"tastyworks CSV",
		[]string{
			"A 2022-02-18T21:00:00Z ends 3 INTC  220218C00052500 @ 0 x100 USD",
			"A 2022-02-02T15:00:00Z sell 3 INTC  220218C00052500 @ 0.62 x100 USD fee 3.43",
			"A 2022-02-01T15:00:00Z buy 5 INTC @ 48.1 USD fee 0.01",
		},
		nil,
		map[string]int64{"symbol change": 1, "deposit": 1},
	},
	{
		"thinkorswim, with the legs of a spread", tosHead +
			",,3/5/26 09:45:10,VERTICAL,SELL,-3,TO OPEN,IWM,17 APR 26,205,PUT,3.15,1.05,-,LMT\n" +
			",,,,BUY,+3,TO OPEN,IWM,17 APR 26,200,PUT,2.10,CREDIT,,\n" +
			",,3/5/26 09:50:00,STOCK,SELL,-20,TO OPEN,IWM,,,STOCK,210.55,210.55,-,MKT\n" +
			",,3/5/26 09:51:00,FUTURE,BUY,+1,TO OPEN,/MESM26,JUN 26,,FUTURE,6100.25,6100.25,-,MKT\n" +
			",,3/5/26 09:52:00,STOCK,SELL,+20,TO OPEN,IWM,,,STOCK,210.55,210.55,-,MKT\n" +
			",,3/5/26 09:53:00,FOREX,BUY,+20,TO OPEN,EUR/USD,,,FOREX,1.05,1.05,-,MKT\n" +
			"\nCanceled Orders\n,Notes,,Time Canceled,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,PRICE,,TIF\n" +
			",,,3/5/26 10:00:00,STOCK,BUY,+9,TO OPEN,IWM,,,STOCK,190.00,LMT,DAY\n",
		newYork,
		"thinkorswim CSV",
		[]string{
			"A 2026-03-05T14:45:10Z sell 3 IWM   260417P00205000 @ 3.15 x100 USD",
			"A 2026-03-05T14:45:10Z buy 3 IWM   260417P00200000 @ 2.1 x100 USD",
			"A 2026-03-05T14:50:00Z sell 20 IWM @ 210.55 USD",
			"A 2026-03-05T14:51:00Z buy 1 /MESM26 @ 6100.25 no multiplier USD",
		},
		[]string{"side SELL contradicts the quantity +20", "the type FOREX is not known"},
		nil,
	},
	{
		"thinkorswim, a statement whose cash balance has the fees", "Account Statement for 98765SCHW (me) since 3/1/26 through 3/9/26\n\nCash Balance\nDATE,TIME,TYPE,REF #,DESCRIPTION,Misc Fees,Commissions & Fees,AMOUNT,BALANCE\n" +
			"3/1/26,00:00:00,BAL,,Cash balance at the start,,,,\"9,000.00\"\n" +
			"3/5/26,09:45:10,TRD,=\"1\",SOLD -3 VERTICAL IWM 100 17 APR 26 205/200 PUT @1.05,-0.08,-3.90,315.00,\"9,311.02\"\n" +
			"3/5/26,09:50:00,TRD,=\"2\",BOT +5 IWM @210.55,,,\"-1,052.75\",\"8,258.27\"\n" +
			"3/5/26,09:50:00,TRD,=\"3\",BOT +6 IWM @210.50,-0.01,,\"-1,263.00\",\"6,995.26\"\n" +
			"3/6/26,01:00:00,DOI,=\"4\",ORDINARY DIVIDEND~IWM,,,4.00,\"6,999.26\"\n" +
			"3/6/26,01:00:00,RAD,=\"5\",REMOVAL OF OPTION DUE TO EXPIRATION,,,0.00,\"6,999.26\"\n" +
			",,,,TOTAL,-0.09,-3.90,\"-1,996.75\",\"6,999.26\"\n\n" +
			"Account Order History\nNotes,,Time Placed,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,PRICE,,TIF,Status\n" +
			",,3/5/26 09:49:00,STOCK,BUY,+9,TO OPEN,IWM,,,STOCK,190.00,LMT,DAY,CANCELED\n\n" +
			"Account Trade History\n,Exec Time,Spread,Side,Qty,Pos Effect,Symbol,Exp,Strike,Type,Price,Net Price,Order Type\n" +
			",3/5/26 09:55:00,STOCK,BUY,+1,TO OPEN,IWM,,,STOCK,210.55,210.55,MKT\n" +
			",3/5/26 09:50:00,STOCK,BUY,+6,TO OPEN,IWM,,,STOCK,210.50,210.50,MKT\n" +
			",3/5/26 09:50:00,STOCK,BUY,+5,TO OPEN,IWM,,,STOCK,210.55,210.55,MKT\n" +
			",3/5/26 09:45:10,VERTICAL,SELL,-3,TO OPEN,IWM,17 APR 26,205,PUT,3.15,1.05,LMT\n" +
			",,,BUY,+3,TO OPEN,IWM,17 APR 26,200,PUT,2.10,CREDIT,\n\n" +
			"Equities\nSymbol,Description,Qty,Trade Price,Mark,Mark Value\nIWM,ISHARES,+11,210.52,211.00,\"2,321.00\"\n",
		newYork,
		"thinkorswim CSV",
		[]string{
			"A 2026-03-05T14:50:00Z buy 6 IWM @ 210.5 USD fee 0.01",
			"A 2026-03-05T14:50:00Z buy 5 IWM @ 210.55 USD",
			"A 2026-03-05T14:45:10Z sell 3 IWM   260417P00205000 @ 3.15 x100 USD fee 3.98",
			"A 2026-03-05T14:45:10Z buy 3 IWM   260417P00200000 @ 2.1 x100 USD",
		},
		[]string{"the end of an option stands in the cash balance alone", "the cash balance has no line, or several, with its fees"},
		map[string]int64{"dividend": 1},
	},
	{
		"Robinhood", robinhoodHead +
			"\"2/20/2026\",\"2/20/2026\",\"2/20/2026\",\"DAL\",\"Option Expiration for DAL 2/20/2026 Put $55.00\",\"OEXP\",\"3S\",\"\",\"\"\n" +
			"\"2/20/2026\",\"2/20/2026\",\"2/20/2026\",\"DAL\",\"DAL 2/20/2026 Call $60.00\",\"OEXCS\",\"1\",\"\",\"\"\n" +
			"\"2/19/2026\",\"2/19/2026\",\"2/20/2026\",\"DAL\",\"Option without a name\",\"OASGN\",\"1S\",\"\",\"\"\n" +
			"\"2/4/2026\",\"2/4/2026\",\"2/5/2026\",\"DAL\",\"DAL 2/20/2026 Put $55.00\",\"STO\",\"3\",\"$1.25\",\"$374.88\"\n" +
			"\"2/3/2026\",\"2/3/2026\",\"2/4/2026\",\"DAL\",\"Delta Air Lines\nCUSIP: 247361702\",\"Sell\",\"12.5\",\"$58.40\",\"$729.98\"\n" +
			"\"2/3/2026\",\"2/3/2026\",\"2/4/2026\",\"DAL\",\"Delta Air Lines\",\"Buy\",\"3\",\"$33.95\",\"($104.5)\"\n" +
			"\"2/3/2026\",\"2/3/2026\",\"2/4/2026\",\"DAL\",\"Delta Air Lines\",\"Buy\",\"2\",\"$58.00\",\"$116.00\"\n" +
			"\"2/3/2026\",\"2/3/2026\",\"2/4/2026\",\"DAL\",\"Delta Air Lines\",\"Buy\",\"2\",\"$58.00\",\"($416.00)\"\n" +
			"\"2/2/2026\",\"2/2/2026\",\"2/3/2026\",\"DAL\",\"Delta Air Lines\",\"ZZZ\",\"2\",\"$58.00\",\"($116.00)\"\n" +
			"\"2/2/2026\",\"2/2/2026\",\"2/2/2026\",\"\",\"ACH Withdrawal\",\"ACH\",\"\",\"\",\"($50.00)\"\n" +
			"\"2/2/2026\",\"2/2/2026\",\"2/2/2026\",\"DAL\",\"Cash Div\",\"CDIV\",\"\",\"\",\"$4.00\"\n" +
			"\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"\",\"The data provided is for informational purposes only.\"\n",
		account,
		"Robinhood CSV",
		[]string{
			"A 2026-02-20T00:00:00Z buy 3 DAL 2/20/2026 PUT $55.00 @ 0 x100 USD settles 2026-02-20",
			"A 2026-02-20T00:00:00Z ends 1 DAL 2/20/2026 CALL $60.00 @ 0 x100 USD settles 2026-02-20",
			"A 2026-02-04T00:00:00Z sell 3 DAL 2/20/2026 PUT $55.00 @ 1.25 x100 USD fee 0.12 settles 2026-02-05",
			"A 2026-02-03T00:00:00Z sell 12.5 DAL @ 58.4 USD fee 0.02 settles 2026-02-04",
			"A 2026-02-03T00:00:00Z buy 3 DAL @ 33.95 USD fee 2.65 settles 2026-02-04",
		},
		[]string{
			"the description names no option",
			`side "buy" contradicts the sign of the amount $116.00`,
			"but the file's total is ($416.00)",
			"the code ZZZ is not known",
		},
		map[string]int64{"withdrawal": 1, "dividend": 1},
	},
	{
		"Fidelity", fidelityHead +
			"07/22/2024,\"Roth\",\"Z22222222\",\"EXPIRED PUT (PG) PROCTER AND GAMBLE JUL 19 24 $160 (100 SHS) as of Jul-19-2024 (Cash)\", -PG240719P160,\"PUT (PG) PROCTER AND GAMBLE JUL 19 24 $160 (100 SHS)\",Cash,,2,,,,,\n" +
			"07/10/2024,\"Roth\",\"Z22222222\",\"YOU SOLD PROCTER AND GAMBLE COM (PG) (Cash)\", PG,\"PROCTER AND GAMBLE\",Cash,168.25,-20,,0.10,,3364.90,07/11/2024\n" +
			"07/02/2024,\"Roth\",\"Z22222222\",\"YOU SOLD OPENING TRANSACTION PUT (PG) (100 SHS) (Cash)\", -PG240719P160,\"PUT (PG) PROCTER AND GAMBLE JUL 19 24 $160 (100 SHS)\",Cash,0.9,-2,1.3,0.06,,178.64,07/03/2024\n" +
			"07/01/2024,\"Roth\",\"Z22222222\",\"REINVESTMENT PROCTER AND GAMBLE COM (PG) (Cash)\", PG,\"PROCTER AND GAMBLE\",Cash,165.33,0.121,,,,-20,\n" +
			"07/01/2024,\"Roth\",\"Z22222222\",\"DIVIDEND RECEIVED PROCTER AND GAMBLE COM (PG) (Cash)\", PG,\"PROCTER AND GAMBLE\",Cash,,0.000,,,,20,\n" +
			"06/28/2024,\"Roth\",\"Z22222222\",\"YOU BOUGHT PROCTER AND GAMBLE COM (PG) (Cash)\", PG,\"PROCTER AND GAMBLE\",Cash,164,30,,,,-4920,07/01/2024\n" +
			"06/28/2024,\"Roth\",\"Z22222222\",\"YOU BOUGHT PROCTER AND GAMBLE COM (PG) (Cash)\", PG,\"PROCTER AND GAMBLE\",Cash,164,30,,,,-5920,07/01/2024\n" +
			"06/27/2024,\"Roth\",\"Z22222222\",\"YOU GAVE AWAY PROCTER AND GAMBLE\", PG,\"PROCTER AND GAMBLE\",Cash,164,30,,,,-4920,07/01/2024\n" +
			"06/26/2024,\"Roth\",\"Z22222222\",\"CASH CONTRIBUTION CURRENT YEAR (Cash)\", ,\"No Description\",Cash,,0.000,,,,500,\n" +
			"\n\"The data and information in this spreadsheet is provided to you solely for your use.\"\nDate downloaded 08/01/2024 9:00 am\n",
		fillfile.Options{},
		"Fidelity CSV",
		[]string{
			"Z22222222 2024-07-19T00:00:00Z ends 2 -PG240719P160 @ 0 x100 USD",
			"Z22222222 2024-07-10T00:00:00Z sell 20 PG @ 168.25 USD fee 0.1 settles 2024-07-11",
			"Z22222222 2024-07-02T00:00:00Z sell 2 -PG240719P160 @ 0.9 x100 USD fee 1.36 settles 2024-07-03",
			"Z22222222 2024-07-01T00:00:00Z buy 0.121 PG @ 165.33 USD",
			"Z22222222 2024-06-28T00:00:00Z buy 30 PG @ 164 USD settles 2024-07-01",
		},
		[]string{"but the file's total is -5920", "the action is not known: YOU GAVE AWAY"},
		map[string]int64{"dividend": 1, "deposit": 1},
	},
}

// Cash of an option's end that a fee may be part of does not tell the price.
func TestCashOfAnEndWithFee(t *testing.T) {
	t.Parallel()
	text := schwabHead + "\"05/20/2024\",\"Assigned\",\"XSP 05/17/2024 520.00 C\",\"CALL XSP\",\"2\",\"\",\"$1.00\",\"-$1,051.00\"\n"
	r := read(t, text, account)
	if r.err != nil {
		t.Fatal(r.err)
	}
	compare(t, r, nil, []string{"nothing tells whether the cash contains the fee"}, nil)
}

// The end of an option whose side the cash contradicts is refused.
func TestCashOfAnEndContradicts(t *testing.T) {
	t.Parallel()
	text := tastytradeHead + strings.Replace(
		"2024-03-15T21:00:00+0000,Receive Deliver,Cash Settled Exercise,SELL_TO_CLOSE,XSP   240315C00500000,Equity Option,Cash settled,820.00,1,0.00,--,0.00,100,XSP,XSP,3/15/24,500,CALL,,USD\n",
		"SELL_TO_CLOSE", "BUY_TO_CLOSE", 1)
	r := read(t, text, account)
	if r.err != nil {
		t.Fatal(r.err)
	}
	compare(t, r, nil, []string{"BUY_TO_CLOSE of an option contradicts its cash of 820.00"}, nil)
}
