package closing

import "cloudpay/internal/order"

// A step is what to ask of the gateway next, or how the call ended.
type step string

const (
	// queryFirst: ask for the state before anything is sent, as a sweep does, since most orders
	// that are due have been paid. If the process dies here, nothing was changed.
	queryFirst step = "queryFirst"
	// sendClose: send a close. If the process dies here, the order is as it was, or closed; the
	// same call again finds out.
	sendClose step = "sendClose"
	// queryDoubt: a close was sent and its result is in doubt; ask for the state.
	queryDoubt step = "queryDoubt"
	// fetchPayment: a signed ORDERPAID counts by itself; ask for the payment's facts.
	fetchPayment step = "fetchPayment"
	// confirmPaid: a signed ORDERPAID does not count by itself, or something signed contradicts it;
	// ask for the order's own state.
	confirmPaid step = "confirmPaid"
	// confirmClosed: a close was accepted, and that does not count by itself; ask for the order's
	// own state.
	confirmClosed step = "confirmClosed"
	// confirmAlreadyClosed: the same after a signed ORDERCLOSED.
	confirmAlreadyClosed step = "confirmAlreadyClosed"
	// queryOnly: a query on its own, with no close before or after it.
	queryOnly step = "queryOnly"
)

// The ends. Each is an order.Outcome.
const (
	closed        = step(order.OutcomeClosed)
	alreadyClosed = step(order.OutcomeAlreadyClosed)
	paid          = step(order.OutcomePaid)
	notFound      = step(order.OutcomeNotFound)
	found         = step(order.OutcomeFound)
	tooSoon       = step(order.OutcomeTooSoon)
	refused       = step(order.OutcomeRefused)
	unknown       = step(order.OutcomeUnknown)
)

// A state is where a call stands. What the next answer amounts to follows from it, the answer and
// the call's terms (eventOf), and where that leads from it alone (transitions).
type state struct {
	step step
	// after is the newest answer's event, since some events lead elsewhere when they are repeated.
	after event
	// refusal is the newest answer's code when it was a refusal, and dispute the code of the newest
	// dispute of the close, or of a query on its own: the same code again counts.
	refusal, dispute string
}

// An event is what an answer amounts to in a state.
type event string

const (
	// A close was answered, and the gateway's signature holds.
	accepted           event = "accepted"
	acceptedUnproved   event = "acceptedUnproved" // it names no order, and does not count by itself
	saysClosed         event = "saysClosed"
	saysClosedUnproved event = "saysClosedUnproved"
	saysPaid           event = "saysPaid"
	saysPaidUnproved   event = "saysPaidUnproved"

	// The order's state was stated, and the reply names the order.
	stated         event = "stated" // any state, when the state is all that was asked
	statedPaid     event = "statedPaid"
	statedClosed   event = "statedClosed"
	statedUnpaid   event = "statedUnpaid"
	statedTooYoung event = "statedTooYoung" // unpaid, less than five minutes old, and its close was disputed
	statedOther    event = "statedOther"    // being paid at this moment, or a state that is not documented

	// Either was answered, and the gateway's signature holds.
	saysPaying     event = "saysPaying"
	missing        event = "missing"
	missingUsed    event = "missingUsed"    // on a connection that carried other replies
	missingForeign event = "missingForeign" // on a route that may mix up replies
	limited        event = "limited"
	denied         event = "denied"   // a final refusal
	disputed       event = "disputed" // a refusal that may have another reason, or be about another order

	// Nothing is proved.
	doubted    event = "doubted"
	unreadable event = "unreadable" // a malformed reply, or one with a wrong signature
	rejected   event = "rejected"   // an unsigned refusal

	outOfTime event = "outOfTime"
)

// A transition is where an event leads.
type transition struct {
	to   step
	wait bool // let some time pass first
	keep bool // the next state is after the same event as this one
}

// A row is where each event leads.
type row map[event]transition

// transitions is the whole workflow. Each step that is not an end has a default row. A row with
// after overrides it for its events when the answer before was that event. An event that a step has
// no transition for (a query that is "accepted") counts as doubted.
var transitions = map[state]row{
	{step: queryFirst}: askAgain(queryFirst, row{
		statedPaid:   {to: paid},
		statedClosed: {to: alreadyClosed},
		statedUnpaid: {to: sendClose},
		statedOther:  {to: queryFirst, wait: true},
		unreadable:   {to: queryFirst, wait: true},
		denied:       {to: refused},
		outOfTime:    {to: unknown},
	}),
	{step: queryFirst, after: missing}: {
		missing: {to: notFound}, missingForeign: {to: unknown}, missingUsed: {to: queryFirst, wait: true, keep: true},
	},
	{step: queryFirst, after: missingUsed}:    {missingForeign: {to: unknown}},
	{step: queryFirst, after: missingForeign}: {missingForeign: {to: unknown}},
	{step: queryFirst, after: limited}:        {outOfTime: {to: tooSoon}},
	{step: queryFirst, after: unreadable}:     {unreadable: {to: sendClose}},
	{step: queryFirst, after: rejected}:       {rejected: {to: unknown}},

	{step: sendClose}: {
		accepted:           {to: closed},
		acceptedUnproved:   {to: confirmClosed},
		saysClosed:         {to: alreadyClosed},
		saysClosedUnproved: {to: confirmAlreadyClosed},
		saysPaid:           {to: fetchPayment},
		saysPaidUnproved:   {to: confirmPaid},
		saysPaying:         {to: queryDoubt, wait: true},
		missing:            {to: queryDoubt, wait: true},
		missingUsed:        {to: queryDoubt, wait: true},
		missingForeign:     {to: queryDoubt, wait: true},
		limited:            {to: sendClose, wait: true},
		denied:             {to: refused},
		disputed:           {to: queryDoubt},
		doubted:            {to: queryDoubt},
		rejected:           {to: queryDoubt},
		outOfTime:          {to: unknown},
	},
	{step: sendClose, after: limited}: {outOfTime: {to: tooSoon}},

	{step: queryDoubt}: askAgain(queryDoubt, row{
		statedPaid:     {to: paid},
		statedClosed:   {to: closed},
		statedUnpaid:   {to: sendClose, wait: true},
		statedTooYoung: {to: tooSoon},
		statedOther:    {to: queryDoubt, wait: true},
		denied:         {to: unknown},
		outOfTime:      {to: unknown},
	}),
	{step: queryDoubt, after: missing}: {
		missing: {to: notFound}, missingForeign: {to: unknown}, missingUsed: {to: queryDoubt, wait: true, keep: true},
	},
	{step: queryDoubt, after: missingUsed}:    {missingForeign: {to: unknown}},
	{step: queryDoubt, after: missingForeign}: {missingForeign: {to: unknown}},
	{step: queryDoubt, after: rejected}:       {rejected: {to: unknown}},

	{step: fetchPayment}: askAgain(fetchPayment, row{
		statedPaid:     {to: paid},
		statedClosed:   {to: closed},
		statedUnpaid:   {to: sendClose, wait: true},
		statedOther:    {to: confirmPaid, wait: true},
		missing:        {to: confirmPaid, wait: true},
		missingUsed:    {to: confirmPaid, wait: true},
		missingForeign: {to: confirmPaid, wait: true},
		denied:         {to: paid},
		outOfTime:      {to: paid},
	}),
	{step: fetchPayment, after: rejected}: {rejected: {to: paid}},

	{step: confirmPaid}: askAgain(confirmPaid, row{
		statedPaid:   {to: paid},
		statedClosed: {to: closed},
		statedUnpaid: {to: sendClose, wait: true},
		statedOther:  {to: confirmPaid, wait: true},
		denied:       {to: unknown},
		outOfTime:    {to: unknown},
	}),
	{step: confirmPaid, after: rejected}: {rejected: {to: unknown}},

	{step: confirmClosed}:                         confirmAs(confirmClosed, closed),
	{step: confirmClosed, after: rejected}:        {rejected: {to: unknown}},
	{step: confirmAlreadyClosed}:                  confirmAs(confirmAlreadyClosed, alreadyClosed),
	{step: confirmAlreadyClosed, after: rejected}: {rejected: {to: unknown}},

	{step: queryOnly}: askAgain(queryOnly, row{
		stated:    {to: found},
		denied:    {to: refused},
		outOfTime: {to: unknown},
	}),
	{step: queryOnly, after: missing}: {
		missing: {to: notFound}, missingForeign: {to: unknown}, missingUsed: {to: queryOnly, wait: true, keep: true},
	},
	{step: queryOnly, after: missingUsed}:    {missingForeign: {to: unknown}},
	{step: queryOnly, after: missingForeign}: {missingForeign: {to: unknown}},
	{step: queryOnly, after: limited}:        {outOfTime: {to: tooSoon}},
	{step: queryOnly, after: rejected}:       {rejected: {to: unknown}},
}

// confirmAs is the row of a query that confirms a close. Unpaid is not believed: WeChat Pay's
// copies lag behind a close for a moment.
func confirmAs(query, end step) row {
	return askAgain(query, row{
		statedPaid:   {to: paid},
		statedClosed: {to: end},
		statedUnpaid: {to: query, wait: true},
		statedOther:  {to: query, wait: true},
		denied:       {to: unknown},
		outOfTime:    {to: unknown},
	})
}

// askAgain adds to a query's row the inconclusive events that it leaves out: each repeats the query
// after a pause.
func askAgain(query step, decides row) row {
	undecided := []event{saysPaying, missing, missingUsed, missingForeign, limited, disputed, doubted, rejected}
	for _, e := range undecided {
		if _, decided := decides[e]; !decided {
			decides[e] = transition{to: query, wait: true}
		}
	}
	return decides
}

// on returns the transition of an event, and false when the state has none.
func (s state) on(e event) (transition, bool) {
	t, ok := transitions[state{step: s.step, after: s.after}][e]
	if !ok {
		t, ok = transitions[state{step: s.step}][e]
	}
	return t, ok
}

// ended reports whether there is nothing left to ask.
func (s state) ended() bool {
	_, goesOn := transitions[state{step: s.step}]
	return !goesOn
}

// confirmsClose reports whether the order is said to be closed already, and a query has to confirm
// it.
func (s state) confirmsClose() bool {
	return s.step == confirmClosed || s.step == confirmAlreadyClosed
}
