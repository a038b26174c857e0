package seeded_test

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/order"
	"cloudpay/internal/order/tradestate"
	"cloudpay/pkg/paygate"
)

// kind is a way to close an order.
type kind struct {
	name     string
	api      order.API
	region   order.Region
	partner  bool
	combined bool
	byID     bool // by WeChat Pay's number, which overseas orders have from the beginning
}

var kinds = []kind{
	{name: "v2", api: order.V2, region: order.Mainland},
	{name: "v2 partner", api: order.V2, region: order.Mainland, partner: true},
	{name: "v3", api: order.V3, region: order.Mainland},
	{name: "v3 partner", api: order.V3, region: order.Mainland, partner: true},
	{name: "combined", api: order.V3, region: order.Mainland, combined: true},
	{name: "combined partner", api: order.V3, region: order.Mainland, partner: true, combined: true},
	{name: "v2 overseas", api: order.V2, region: order.Global},
	{name: "global", api: order.V3, region: order.Global},
	{name: "global by id", api: order.V3, region: order.Global, byID: true},
	{name: "global institution", api: order.V3, region: order.Global, partner: true},
	{name: "hk", api: order.V3, region: order.HongKong},
	{name: "hk institution by id", api: order.V3, region: order.HongKong, partner: true, byID: true},
	{name: "wxcloudrun", api: order.WXCloudRun, region: order.Mainland},
	{name: "wxcloudrun partner", api: order.WXCloudRun, region: order.Mainland, partner: true},
}

// home is the API that a configuration for the kind is made for: the link is configured alone, the other two together.
func (k kind) home() order.API {
	if k.api == order.WXCloudRun {
		return order.WXCloudRun
	}
	return order.V3
}

// shop is the configuration that the kind needs.
func (k kind) shop() string { return fmt.Sprint(k.home(), k.region, k.partner) }

// at is the region in the gateway's words.
func (k kind) at() string {
	return map[order.Region]string{
		order.Mainland: "", order.Global: "global", order.HongKong: "hk",
	}[k.region]
}

// proof is what an answer of the kind rests upon.
func (k kind) proof() order.Proof {
	if k.api == order.WXCloudRun {
		return order.ProofPrivateLink
	}
	return order.ProofSignature
}

// story is one order, and what is said of it.
type story struct {
	*world

	kind    kind
	index   int
	number  string
	params  order.Params
	draw    *rand.Rand
	faults  []paygate.Fault
	limit   time.Duration
	payAt   time.Duration // when the customer pays; negative: never
	refunds bool

	sayings []saying
	last    order.Result
}

// saying is an answer, with how the order stood as soon as it was given.
type saying struct {
	by     string
	result order.Result
	truth  tradestate.State
	late   time.Duration // after the deadline
}

// newStory draws an order and what shall befall it, and adds it to the gateway.
func (w *world) newStory(index int) *story {
	w.t.Helper()
	r := draws(w.seed, w.number, index)
	s := &story{
		world: w, kind: kinds[r.IntN(len(kinds))], index: index, draw: r,
		number: fmt.Sprintf("W%dN%d%s", w.number, index, []string{"", "|", "*a", "@-", "_|*@-"}[r.IntN(5)]),
		limit:  time.Duration(400+r.IntN(1600)) * time.Millisecond,
		payAt:  -1,
	}
	s.add()
	if r.IntN(5) == 0 {
		s.lie()
	}
	for range []int{0, 0, 1, 1, 2, 4}[r.IntN(6)] {
		s.befall()
	}
	if r.IntN(3) == 0 {
		s.payAt = time.Duration(r.Int64N(int64(s.limit / 2)))
		s.refunds = r.IntN(4) == 0
	}
	return s
}

// states are those in which orders begin; most begin unpaid.
var states = []paygate.TradeState{
	paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay, paygate.StateNotPay,
	paygate.StatePayError, paygate.StateUserPaying, paygate.StateAccept, paygate.StateSuccess, paygate.StateRefund,
	paygate.StateClosed, paygate.StateRevoked,
}

// add puts the order into the gateway's books, and its number into the parameters.
func (s *story) add() {
	s.t.Helper()
	born := paygate.Order{
		MchID: s.Merchant.MchID, OutTradeNo: s.number, Total: int64(1 + s.draw.IntN(1000)), Region: s.kind.at(),
		State: states[s.draw.IntN(len(states))],
	}
	if s.kind.partner {
		born.SubMchID = subMchID
	}
	s.params = order.Params{API: s.kind.api, OutTradeNo: s.number}
	if s.draw.IntN(4) == 0 {
		s.params.CreatedAt = s.clock.now()
	}
	if s.kind.combined {
		s.addCombined(born)
		return
	}
	s.MustAddOrder(born)
	if s.kind.byID {
		s.params.OutTradeNo, s.params.TransactionID = "", s.MustOrder(s.number, s.payee()).TransactionID
	}
}

func (s *story) addCombined(part paygate.Order) {
	s.t.Helper()
	whole := paygate.CombinedOrder{MchID: part.MchID, CombineOutTradeNo: s.number}
	s.params.OutTradeNo, s.params.CombineOutTradeNo = "", s.number
	for i := range 1 + s.draw.IntN(3) {
		part.OutTradeNo = fmt.Sprintf("%s-%d", s.number, i)
		whole.SubOrders = append(whole.SubOrders, part)
		s.params.SubOrders = append(s.params.SubOrders, order.SubOrder{MchID: part.MchID, SubMchID: part.SubMchID, OutTradeNo: part.OutTradeNo})
	}
	s.MustAddCombined(whole)
}

// payee is whose order it is.
func (s *story) payee() paygate.Owner {
	if s.kind.partner && !s.kind.combined {
		return paygate.Owner{MchID: s.Merchant.MchID, SubMchID: subMchID}
	}
	return paygate.Owner{MchID: s.Merchant.MchID}
}

// refusals are codes that are no lie about the order, whenever they come. The gateway is believed when it signs that an
// order is paid, and a fault that made it sign so would only show that.
var refusals = []string{"INVALID_REQUEST", "NO_AUTH", "SIGN_ERROR", "SYSTEM_ERROR", "TRADE_ERROR", "PARAM_ERROR", "NOBODY_KNOWS", "40097"}

// lies are what somebody on the way says of an order who cannot sign it, in both spellings.
var lies = map[order.API][]string{
	order.V2: {"ORDERCLOSED", "ORDERPAID", "ORDERNOTEXIST"},
	order.V3: {"ORDER_CLOSED", "ORDER_PAID", "ORDER_NOT_EXIST"},
}

// forgeries are how they try; a protocol that has no such thing refuses the fault.
var forgeries = []paygate.Action{paygate.Unsigned, paygate.BadSignature, paygate.UnknownSerial, paygate.Probe, paygate.Stale}

// lie has some of the order's requests answered with a lie. Its two faults are the order's first, so that no request meets
// the one without the other: the lie would be signed.
func (s *story) lie() {
	s.t.Helper()
	r := s.draw
	codes := lies[s.kind.api]
	if codes == nil {
		return // nobody is on the way of a private link
	}
	forgery := paygate.Fault{
		API: string(s.kind.api), OutTradeNo: s.number,
		Action: forgeries[r.IntN(len(forgeries))],
		Times:  []int{1, 2, 0, 0}[r.IntN(4)],
	}
	lie := forgery
	lie.Action, lie.Code = paygate.Refuse, codes[r.IntN(len(codes))]
	if err := s.Inject(forgery); err != nil {
		forgery.Action = paygate.Unsigned
		s.MustInject(forgery)
	}
	s.MustInject(lie)
	s.faults = append(s.faults, forgery, lie)
}

// befall draws one thing that shall go wrong with the order's requests.
func (s *story) befall() {
	s.t.Helper()
	r := s.draw
	actions := paygate.Actions()
	fault := paygate.Fault{
		API: string(s.kind.api), OutTradeNo: s.number, Op: []string{"", "close", "query"}[r.IntN(3)],
		Action: actions[r.IntN(len(actions))],
		Times:  []int{1, 1, 1, 1, 1, 2, 3, 0}[r.IntN(8)],
	}
	switch fault.Action {
	case paygate.Refuse:
		fault.Code = refusals[r.IntN(len(refusals))]
		fault.HTTPStatus = []int{0, 0, 400, 403, 500}[r.IntN(5)]
	case paygate.HTML502:
		fault.HTTPStatus = []int{0, 200, 404, 503}[r.IntN(4)]
	case paygate.Delay:
		fault.Delay = time.Duration(1+r.IntN(200)) * time.Millisecond
	default:
	}
	if err := s.Inject(fault); err != nil {
		return // the protocol has no such thing
	}
	s.faults = append(s.faults, fault)
}

// live closes the order, mostly by one caller, while its customer may pay.
func (s *story) live() {
	ctx, cancel := context.WithTimeout(context.Background(), s.limit)
	defer cancel()
	var (
		group sync.WaitGroup
		mu    sync.Mutex
	)
	tell := func(by string, ask func() order.Result) {
		group.Go(func() {
			heard := s.hear(ctx, by, ask)
			mu.Lock()
			defer mu.Unlock()
			s.sayings = append(s.sayings, heard)
		})
	}
	open := s.shops[s.kind.shop()]
	tell("close", func() order.Result { return open.closer.Close(ctx, s.params) })
	if s.draw.IntN(6) == 0 {
		tell("another close", func() order.Result { return open.closer.Close(ctx, s.params) })
	}
	if s.draw.IntN(6) == 0 {
		asking := s.params
		asking.SubOrders, asking.CreatedAt = nil, time.Time{}
		tell("query", func() order.Result { return open.querier.Query(ctx, asking) })
	}
	if s.payAt >= 0 {
		group.Go(s.pay)
	}
	group.Wait()
}

// hear asks, and looks into the gateway's books at once.
func (s *story) hear(ctx context.Context, by string, ask func() order.Result) saying {
	result := ask()
	heard := saying{by: by, result: result, truth: s.truth()}
	if deadline, has := ctx.Deadline(); has {
		heard.late = max(0, time.Since(deadline))
	}
	return heard
}

// pay is the customer, who pays in the middle of it, and may be too late.
func (s *story) pay() {
	timer := time.NewTimer(s.payAt)
	defer timer.Stop()
	<-timer.C
	if err := s.Pay(s.number, s.payee()); err != nil {
		s.count(raceLost)
		return
	}
	s.count(racePaid)
	if s.refunds {
		if err := s.Refund(s.number, s.payee()); err != nil {
			s.t.Errorf("refunding %s: %v", s.number, err)
		}
	}
}

// end closes the order once more.
func (s *story) end() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	heard := s.hear(ctx, "the close when nothing went wrong any more", func() order.Result {
		return s.shops[s.kind.shop()].closer.Close(ctx, s.params)
	})
	s.last = heard.result
	s.sayings = append(s.sayings, heard)
}

// truth is how the order stands in the gateway's books.
func (s *story) truth() tradestate.State {
	if !s.kind.combined {
		o, err := s.Order(s.number, s.payee())
		if err != nil {
			s.t.Errorf("looking at %s: %v", s.number, err)
		}
		return tradestate.State(o.State)
	}
	whole, err := s.Combined(s.number, s.payee())
	if err != nil {
		s.t.Errorf("looking at %s: %v", s.number, err)
	}
	var parts []tradestate.State
	for _, part := range whole.SubOrders {
		parts = append(parts, tradestate.State(part.State))
	}
	return tradestate.Combined(parts)
}

// judge compares all that was said with the books, as they were then and as they are now: closed and paid are for ever.
func (s *story) judge() {
	s.t.Helper()
	now := s.truth()
	for _, heard := range s.sayings {
		for _, fault := range []string{s.wrong(heard, heard.truth), s.wrong(heard, now)} {
			if fault != "" {
				s.blame(heard, fault)
				break
			}
		}
	}
	if !now.Closed() && !now.Paid() {
		s.t.Errorf("seed %d, world %d, order %s is left %s", s.seed, s.world.number, s.number, now)
	}
	switch s.last.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed, order.OutcomePaid:
	default:
		s.blame(s.sayings[len(s.sayings)-1], "it settled nothing")
	}
}

// wrong says what in an answer is not so; empty when nothing is.
func (s *story) wrong(heard saying, is tradestate.State) string {
	r := heard.result
	claims := true
	switch r.Outcome {
	case order.OutcomeClosed, order.OutcomeAlreadyClosed:
		if !is.Closed() {
			return "it says closed, and the order is " + string(is)
		}
	case order.OutcomePaid:
		if !is.Paid() {
			return "it says paid, and the order is " + string(is)
		}
	case order.OutcomeNotFound:
		return "it says that there is no such order"
	default:
		claims = r.Outcome == order.OutcomeFound
	}
	switch {
	case r.TradeState.Paid() && !is.Paid(), r.TradeState.Closed() && !is.Closed():
		return fmt.Sprintf("its tradeState is %s, and the order is %s", r.TradeState, is)
	case claims && r.Proof != s.kind.proof():
		return fmt.Sprintf("it claims something, and its proof is %q", r.Proof)
	case claims && cmp.Or(r.CombineOutTradeNo, r.OutTradeNo) != s.number && r.TransactionID != s.params.TransactionID:
		return fmt.Sprintf("it is about %s%s %s", r.CombineOutTradeNo, r.OutTradeNo, r.TransactionID)
	}
	return ""
}

// blame words a failure with all that is needed to understand it.
func (s *story) blame(heard saying, fault string) {
	s.t.Helper()
	var text strings.Builder
	fmt.Fprintf(&text, "seed %d, world %d, order %s (%s): %s: %s\n", s.seed, s.world.number, s.number, s.kind.name, heard.by, fault)
	fmt.Fprintf(&text, "  told: %+v\n  faults: %+v\n  limit %s, payment at %s\n", heard.result, s.faults, s.limit, s.payAt)
	for _, other := range s.sayings {
		fmt.Fprintf(&text, "  %s: %s %s, when the order was %s\n", other.by, other.result.Outcome, other.result.ErrCode, other.truth)
	}
	for _, q := range s.Requests() {
		if q.OutTradeNo == s.number {
			fmt.Fprintf(&text, "  after the storm: %+v\n", q)
		}
	}
	s.t.Error(text.String())
}
