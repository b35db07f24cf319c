package fillfile

import (
	"regexp"
	"strings"

	"github.com/blotterdb/blotter/internal/tabular"
)

// Names of columns in files of unknown layout, plain, best first. An export of blotter has the names of blotter.Trade.
var (
	// filledNames are times of the execution itself; timeNames say less.
	filledNames = strings.Fields(`
		executedat exectime executiontime execdatetime executiondatetime execdate executiondate orderexecutiontime
		filltime filledtime filledat filldate fillingtime filltimestamp fillat tradetime tradedatetime tradetimestamp
		tradedat tradecreatedat dealtime dealdate transactiontime transacttime transactiondatetime transactedat
		matchtime matchedat closingtime tradedate td contractdate ausführungsdatum ausführungszeit handelsdatum
		dated'exécution fechadeejecución dataesecuzione`)
	timeNames = strings.Fields(`
		dateutc timeutc datetimeutc utctime datetime dateandtime datetimelocal timestamp time date transactiondate
		activitydate rundate datum zeit uhrzeit datumuhrzeit fecha hora fechahora data ora dataora heure dateheure
		dato tid tijd datumtijd opdate updatetime createdat createtime createdtime created creationtime when`)
	settleNames = strings.Fields(`settlementdate settledate settlement settle sd valuedate valutadatum`)

	symbolNames = strings.Fields(`
		symbol ticker tickersymbol tradingsymbol contract contractcode instrument instrumentid instrumentsymbol
		instrumentname instrumentcode market marketname pair tradingpair currencypair currencypairs spotpairs
		productid security securitysymbol securitycode scrip scripname scripsymbol scripcode stock stockcode
		stocksymbol asset assetsymbol coin identifier isin isincode wkn product code`)
	isinNames = strings.Fields(`isin isincode`)

	sideNames = strings.Fields(`
		side buysell buyorsell bs action tradeside orderside transactiontype tradetype tradeaction activitytype
		transcode transactioncode trancode direction transaction operation orderaction type txtype ordertype subtype
		transactionsubtype orderart art vorgang geschäftsart kaufverkauf transaktion transaktionstyp typ tipo
		tipooperazione operazione operación operação tipodeoperación sens opération typeopération købsalg kjøpsalg
		köpsälj aankoopverkoop activity event`)

	quantityNames = strings.Fields(`
		lastqty lastshares filledqty filledquantity fillqty fillquantity execqty executedqty executedquantity
		execquantity filled tradedqty sharestraded tradedshares tradedquantity filledsize dealsize sizeexecuted
		quantity qty shares noofshares numberofshares nofshares sharesqty units contracts nooflots lots lot size
		executed stück stücknominale anzahl menge antal aantal quantité qté nombre cantidad títulos quantidade
		quantità basequantity baseamount baseqty amountbase filledamount`)
	// eitherNames may be the quantity or money: the price tells which.
	eitherNames = strings.Fields(`volume amount vol`)

	priceNames = strings.Fields(`
		fillprice filledprice execprice executionprice executedprice tradeprice tradedprice dealprice lastpx
		averageprice avgprice avgfillprice averagefillprice filledavgprice averagefilledprice avgfilledprice
		avgtradingprice avgtradedprice averagetradedprice avgexecutionprice tradingprice price unitprice pricepershare
		pricepershares priceperunit shareprice rate ausführungskurs ausführungspreis kurs preis stückpreis koers prijs
		cours prix prixunitaire prixd'exécution precio preço prezzo precioporacción pris`)
	totalNames = strings.Fields(`
		total totalamount totalvalue totalcost value grossamount grossvalue grossproceeds gross netamount netvalue
		netproceeds net netcash netmoney notional notionalvalue proceeds cost funds turnover consideration tradevalue
		trademoney tradeamount dealvalue quoteqty quotequantity quoteamount amountquote filledvalue executedvalue
		marketvalue subtotal betrag gesamtbetrag kurswert ausmachenderbetrag bedrag bedragtotaal belopp beløb montant
		montanttotal montantbrut settlementamount cashflow tradetotal nettotal montantnet importe importetotal importo
		controvalore valor valortotal orderamount`)

	// grossNames are those of totalNames that are without fees.
	grossNames = strings.Fields(`
		grossamount grossvalue grossproceeds gross notional notionalvalue funds turnover tradevalue trademoney
		dealvalue quoteqty quotequantity quoteamount amountquote filledvalue executedvalue value kurswert`)

	feeCurrencies = strings.Fields(`
		commissioncurrency feecurrency commissionasset feeasset feecoin feescurrency feeunit feeccy currencycommission
		currencyfee currencyfees commissionccy feescoin`)
	priceCurrencies = strings.Fields(`
		pricecurrency currencyprice filledpricecoin pricecoin priceunit priceccy quotecurrency quoteasset quotecoin
		currencypriceshare instrumentcurrency tradecurrency symbolcurrency currency currencycode currencyprimary ccy
		curr pricefeetotalunit währung valuta valutakod devise divisa moneda moeda munt`)

	idNames = strings.Fields(`
		tradeid execid executionid fillid dealid dealnumber tradenumber tradeno transactionid transactionnumber txid
		deal id`)
	orderNames = strings.Fields(`
		orderid order orderref orderno ordernumber orderexecid clientorderid auftragsnummer ordernummer`)
	accountNames = strings.Fields(`
		accountid account accountnumber accountno acct acctid portfolio accountreference clientid depotnummer konto
		rekening`)
	multiplierNames = strings.Fields(`multiplier contractmultiplier contractsize pointvalue`)
	classNames      = strings.Fields(`
		instrumenttype assettype assetclass assetcategory securitytype producttype instrumentclass category sectype
		assetcategorytype type product kind`)
	// sureClassNames are those of classNames that have no other meaning.
	sureClassNames = strings.Fields(`
		instrumenttype assettype assetclass assetcategory securitytype producttype instrumentclass sectype`)
	expiryNames = strings.Fields(`
		expirationdate expirydate expiration expiry exp maturitydate maturity contractexpiry optionexpiry expdate
		contractmonth verfall verfallsdatum verfalltag fälligkeit vervaldatum échéance vencimiento scadenza`)
	strikeNames = strings.Fields(`strike strikeprice optionstrike exerciseprice basispreis uitoefenprijs strikepreis`)
	rightNames  = strings.Fields(`
		callput putcall callorput putorcall cp pc optiontype optionright right type optionstyp`)
	statusNames = strings.Fields(`
		status orderstatus tradestatus fillstatus executionstatus state orderstate exectype estado statut stato`)
	strategyNames = strings.Fields(`strategy`)
	accruedNames  = strings.Fields(`accruedinterest accrued stückzinsen`)
	rateNames     = strings.Fields(`exchangerate fxrate conversionrate rateofexchange wechselkurs taux wisselkoers`)
)

// Patterns of names of columns.
var (
	// notTimes matches times of other events than the execution.
	notTimes = regexp.MustCompile(tabular.AnyOf(`settle ^sd$ valuedate valutadatum process placed placing submitted
		ordertime orderdate expir matur entrytime opentime openingtime received cancel updated exdate paydate
		paymentdate period`))

	// feeWord matches costs. notFee matches names with such a word that are not costs, or may be more than a cost.
	feeWord = regexp.MustCompile(tabular.AnyOf(`fees?$ ^fees?[^d] commission kommission ^comm$ ^commfee brokerage
		tax(es)?$ ^taxamount duty$ ^duty lev(y|ies)$ ^vat$ ^gst$ ^stt$ ^sec$ ^taf$ ^nscc$ ^orf$ ^nfa$ ^occ$ ^finra
		clearing$ ^ecn ^nasdaq$ courtage provision gebühr entgelt kosten$ costs$ frais spes[ea] spesen ^bolli?$ gastos
		corretaje corretagem charges?$ comisi comiss commissioni kurtage ^stamp`))
	notFee = regexp.MustCompile(tabular.AnyOf(`currency coin$ asset$ rate$ ccy$ unit$ type$ percent pct bps withholding
		taxable refund note date ^pricefee taxlot incl excl before after less ^net gross profit loss pnl pershare
		percontract perunit ytd mtd year taxid id$ number basis amountexcl`))
	totalFee = regexp.MustCompile(`^(total|all|sumof)(fees?|commissions?|costs|charges|brokerage)`)

	// harmless matches numbers that are not part of the cost of a fill.
	harmless = regexp.MustCompile(tabular.AnyOf(`balance leverage margin limit stop trigger target tick pnl profit loss
		gain return realized realised result basis bookvalue avgcost averagecost position holding remaining leaves
		orderqty orderquantity totalqty originalqty ordered improvement netprice mark bid ask last current close open
		high low index ^no$ number ^line$ ^row$ id$ ^id ref isin cusip sedol wkn conid account version sequence seq
		nonce percent pct ratio weight score display decimal format time date hour day slippage spread token code year
		period strike multiplier lotsize priceformat exchange$ bps rate$ ytd mtd quotient depot auction cash$ parvalue
		facevalue marketvalue size$`))

	zoneInName = regexp.MustCompile(`(?i)^(?:utc|gmt)\s*(?:([+-])(\d{1,2})(?::?(\d{2}))?)?$`)
)
