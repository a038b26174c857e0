package app_test

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"testing"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"cloudpay/internal/app"
	"cloudpay/internal/hosting"
	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/pkg/paygate"
)

// A dialect is one way to close and query orders, with the configuration of a merchant that uses
// it.
type dialect struct {
	name  string
	api   order.API
	vars  map[string]string // in addition to those of a direct merchant
	proof order.Proof       // why its answers may be believed
	// combined says that the calls are about a combined order.
	combined bool
	// unpriced says that its queries give an order's amount once it is paid only: APIv3's single
	// orders, whose documents have amount depend on the payment.
	unpriced bool
	// confirmed says that a close's own answer never counts: a query confirms each.
	confirmed bool
}

func dialects() []dialect {
	partner := map[string]string{"WXPAY_SUB_MCHID": subMchID}
	return []dialect{
		{name: "v2", api: order.V2, proof: order.ProofSignature},
		{name: "v3 direct", api: order.V3, unpriced: true, proof: order.ProofSignature},
		{name: "v3 partner", api: order.V3, unpriced: true, proof: order.ProofSignature, vars: partner},
		{name: "global direct", api: order.V3, unpriced: true, proof: order.ProofSignature, vars: map[string]string{"WXPAY_REGION": "global"}},
		{
			name: "global institutional", api: order.V3, unpriced: true, proof: order.ProofSignature,
			vars: map[string]string{"WXPAY_REGION": "global", "WXPAY_SUB_MCHID": subMchID},
		},
		{name: "hk", api: order.V3, unpriced: true, proof: order.ProofSignature, vars: map[string]string{"WXPAY_REGION": "hk"}},
		{name: "combine", api: order.V3, proof: order.ProofSignature, combined: true},
		{name: "wxcloudrun", api: order.WXCloudRun, proof: order.ProofPrivateLink, confirmed: true},
	}
}

// A situation is what happens to a call, with the result that every dialect must give. The expected
// result is nil in a cell that does not exist.
type situation struct {
	name string
	// before puts the order into its state.
	before func(e *env)
	// missing is set if the call names an order that does not exist.
	missing bool
	// once spoils the first exchange and no other.
	once         paygate.Action
	close, query *meaning
}

// An operation is one of the two functions.
type operation struct {
	name  string
	build hosting.Build
	op    string
}

func operations() []operation {
	return []operation{{"close", app.CloseOrder, "close"}, {"query", app.QueryOrder, "query"}}
}

// meaning is the cell's expected result, nil if there is none.
func (c cell) meaning() *meaning {
	if c.op == "query" {
		return c.query
	}
	return c.close
}

// A meaning is the part of a result that all dialects give alike.
type meaning struct {
	Outcome    order.Outcome
	ReturnCode string
	ResultCode string
	ErrCode    string
	TradeState tradestate.State
	TotalFee   int64
	CashFee    int64
	Proof      order.Proof
	Retryable  bool
	Attempts   int
	// Really is the order's state afterwards, as the gateway has it.
	Really paygate.TradeState
}

// none is an absent amount: a close's reply has none, and an unpaid order has no paid amount.
const none = -1

// The meanings of more than one situation. Their proof is the dialect's.
var (
	closedAtOnce = meaning{order.OutcomeClosed, "SUCCESS", "SUCCESS", "", "", none, none, "", false, 1, paygate.StateClosed}
	foundUnpaid  = meaning{order.OutcomeFound, "SUCCESS", "SUCCESS", "", tradestate.NotPay, 100, none, "", false, 1, paygate.StateNotPay}
	missing      = meaning{order.OutcomeNotFound, "SUCCESS", "FAIL", "ORDERNOTEXIST", "", none, none, "", false, 2, paygate.StateNotPay}
	// The close was carried out, its reply was not believed, and a query showed that it was closed.
	closedByState = meaning{order.OutcomeClosed, "SUCCESS", "SUCCESS", "", tradestate.Closed, 100, none, "", false, 2, paygate.StateClosed}
)

func situations() []situation {
	payIt := func(e *env) { e.MustPay(theOrder, e.owner()) }
	spoilt := func(name string, action paygate.Action) situation {
		return situation{name: name, once: action, close: &closedByState, query: foundUnpaid.after(2)}
	}
	return []situation{
		{name: "success", close: &closedAtOnce, query: &foundUnpaid},
		{
			name: "already closed", before: (*env).expire,
			close: &meaning{order.OutcomeAlreadyClosed, "SUCCESS", "FAIL", "ORDERCLOSED", "", none, none, "", false, 1, paygate.StateClosed},
			query: &meaning{order.OutcomeFound, "SUCCESS", "SUCCESS", "", tradestate.Closed, 100, none, "", false, 1, paygate.StateClosed},
		},
		{
			name: "paid", before: payIt,
			close: &meaning{order.OutcomePaid, "SUCCESS", "FAIL", "ORDERPAID", tradestate.Success, 100, 100, "", false, 2, paygate.StateSuccess},
			query: &meaning{order.OutcomeFound, "SUCCESS", "SUCCESS", "", tradestate.Success, 100, 100, "", false, 1, paygate.StateSuccess},
		},
		{name: "not found", missing: true, close: &missing, query: &missing},
		{
			// Nothing was done: a query says unpaid, and the second close succeeds.
			name: "system error then success", once: paygate.SystemError,
			close: closedAtOnce.after(3), query: foundUnpaid.after(2),
		},
		spoilt("bad signature", paygate.BadSignature),
		spoilt("unsigned", paygate.Unsigned),
		spoilt("probe", paygate.Probe),
		// The close is carried out and its reply never arrives.
		{name: "timeout after commit", once: paygate.Drop, close: &closedByState},
		spoilt("wrong merchant", paygate.WrongMerchant),
	}
}

// after is the same meaning after that many attempts.
func (m meaning) after(attempts int) *meaning {
	m.Attempts = attempts
	return &m
}

// in is the same meaning, without what a dialect cannot express.
func (m meaning) in(d dialect) meaning {
	m.Proof = d.proof
	if d.confirmed && m.TradeState == "" && (m.Outcome == order.OutcomeClosed || m.Outcome == order.OutcomeAlreadyClosed) {
		m.TradeState, m.TotalFee, m.Attempts = tradestate.Closed, 100, m.Attempts+1
	}
	if d.unpriced && !m.TradeState.Paid() {
		m.TotalFee = none
	}
	return m
}

// An absence excludes some cells of the table, with the reason.
type absence struct {
	dialect, operation, situation string // "" for all
	reason                        string
}

var absences = []absence{
	{"wxcloudrun", "", "bad signature", "the private link has no signatures that a caller could check"},
	{"wxcloudrun", "", "unsigned", "the private link has no signatures that a caller could check"},
	{"wxcloudrun", "", "probe", "probes are signatures, and the private link has none"},
	{"v2", "", "probe", "WeChat Pay probes APIv3 signatures only (pay.weixin.qq.com doc 4013053249)"},
	{"", "query", "timeout after commit", "a query commits nothing that could be lost with its reply"},
}

// A cell is one place in the table.
type cell struct {
	dialect
	operation
	situation
}

func (c cell) String() string {
	return c.dialect.name + "/" + c.operation.name + "/" + c.situation.name
}

func (a absence) covers(c cell) bool {
	return (a.dialect == "" || a.dialect == c.dialect.name) && (a.operation == "" || a.operation == c.operation.name) &&
		a.situation == c.situation.name
}

// cells lists the whole table, dialect by dialect.
func cells() []cell {
	var all []cell
	for _, d := range dialects() {
		for _, o := range operations() {
			for _, s := range situations() {
				all = append(all, cell{d, o, s})
			}
		}
	}
	return all
}

// In the same situation every dialect gives the same result. The dialects run at the same time
// whatever -parallel is: most of their time is the pause before the next attempt.
func TestDialectsAgree(t *testing.T) {
	t.Parallel()
	var ran, absent int
	covered := map[absence]int{}
	rows := map[string][]cell{}
	for _, c := range cells() {
		i := slices.IndexFunc(absences, func(a absence) bool { return a.covers(c) })
		switch {
		case i >= 0:
			absent++
			covered[absences[i]]++
		case c.meaning() == nil:
			t.Errorf("%s has no expectation, and is not n/a either", c)
		default:
			ran++
			rows[c.dialect.name] = append(rows[c.dialect.name], c)
		}
	}
	var group sync.WaitGroup
	for _, row := range rows {
		group.Go(func() {
			for _, c := range row {
				t.Run(c.String(), c.play)
			}
		})
	}
	group.Wait()
	t.Logf("%d cells ran, %d are n/a", ran, absent)
	for _, a := range absences {
		t.Logf("%d n/a: %s/%s/%s: %s", covered[a], cmp.Or(a.dialect, "*"), cmp.Or(a.operation, "*"), a.situation, a.reason)
		if covered[a] == 0 || a.reason == "" {
			t.Errorf("%+v covers %d cells, and has to cover some for a reason", a, covered[a])
		}
	}
}

// theOrder is the order of every cell; missingOrder does not exist.
const (
	theOrder     = "A1"
	missingOrder = "B2"
)

func (c cell) play(t *testing.T) {
	e := newDialectEnv(t, c.dialect)
	e.orderIn(c.dialect)
	if c.before != nil {
		c.before(e)
	}
	if c.once != "" {
		e.inject(c.once, c.op, 1)
	}
	no := theOrder
	if c.missing {
		no = missingOrder
	}
	got := e.call(c.build, c.event(e.Merchant.MchID, no), patient)
	if diff := gocmp.Diff(c.meaning().in(c.dialect), e.meaningOf(got)); diff != "" {
		t.Errorf("-want +got\n%s\n%+v\nhistory: %+v", diff, got, e.Requests())
	}
	if left := e.Faults(); len(left) > 0 {
		t.Errorf("nothing was spoilt: %+v is left", left)
	}
	if got.API != c.api {
		t.Errorf("spoke %s, want %s", got.API, c.api)
	}
}

// newDialectEnv is an env with the credentials of one dialect only.
func newDialectEnv(t *testing.T, d dialect) *env {
	t.Helper()
	e := newEnvBefore(t, paygate.RunT(t))
	e.vars["WXPAY_API"] = string(d.api)
	maps.Copy(e.vars, d.vars)
	if d.api != order.V2 {
		delete(e.vars, "WXPAY_V2_KEY")
	}
	if d.api != order.V3 {
		for _, name := range []string{"WXPAY_SERIAL_NO", "WXPAY_PRIVATE_KEY", "WXPAY_PUBLIC_KEY_ID", "WXPAY_PUBLIC_KEY"} {
			delete(e.vars, name)
		}
	}
	if d.api == order.WXCloudRun {
		e.vars["WXPAY_CLOUDRUN_URL"] = e.URL
		delete(e.vars, "WXPAY_BASE_URL")
	}
	return e
}

// orderIn adds an unpaid order of 100 fen, of the dialect's kind.
func (e *env) orderIn(d dialect) {
	e.t.Helper()
	if !d.combined {
		e.order(theOrder)
		return
	}
	e.MustAddCombined(paygate.CombinedOrder{
		CombineOutTradeNo: theOrder, MchID: e.Merchant.MchID, OpenID: openID,
		SubOrders: []paygate.Order{{OutTradeNo: theOrder + "-1", Total: 60}, {OutTradeNo: theOrder + "-2", Total: 40}},
	})
}

// event returns the call's parameters.
func (c cell) event(mchID, outTradeNo string) map[string]any {
	if !c.combined {
		return map[string]any{"out_trade_no": outTradeNo}
	}
	event := map[string]any{"combine_out_trade_no": outTradeNo}
	if c.op == "close" {
		event["sub_orders"] = []map[string]string{
			{"mchid": mchID, "out_trade_no": outTradeNo + "-1"},
			{"mchid": mchID, "out_trade_no": outTradeNo + "-2"},
		}
	}
	return event
}

// meaningOf is the meaning of got, with the order's state at the gateway.
func (e *env) meaningOf(got order.Result) meaning {
	e.t.Helper()
	return meaning{
		got.Outcome, got.ReturnCode, got.ResultCode, got.ErrCode, got.TradeState,
		amountOr(got.TotalFee), amountOr(got.CashFee), got.Proof, got.Retryable, got.Attempts, e.really(),
	}
}

func amountOr(fen *int64) int64 {
	if fen == nil {
		return none
	}
	return *fen
}

// really is the order's state at the gateway; all parts of a combined order must be in the same.
func (e *env) really() paygate.TradeState {
	e.t.Helper()
	all, err := e.Combined(theOrder)
	if err != nil {
		return e.MustOrder(theOrder, e.owner()).State
	}
	for _, part := range all.SubOrders {
		if part.State != all.SubOrders[0].State {
			e.t.Errorf("the parts are %s and %s", all.SubOrders[0].State, part.State)
		}
	}
	return all.SubOrders[0].State
}

// eightDays is longer than an order stays open.
const eightDays = 8 * 24 * time.Hour

// expire lets the gateway close the order because it is too old.
func (e *env) expire() {
	e.t.Helper()
	e.MustAdvance(eightDays)
	if state := e.really(); state != paygate.StateClosed {
		e.t.Fatalf("the order is %s after eight days", state)
	}
}
