package closing

import "cloudpay/internal/order"

// A state is what is to be asked of the gateway next, or how it ended.
type state string

const (
	// closing: send a close. If the process dies here nothing is known, and the
	// same call again finds out.
	closing state = "closing"
	// querying: a close was sent and its end is in doubt; ask for the state.
	querying state = "querying"
	// proving: the gateway said, signed, that the order is paid; ask for the
	// payment's facts.
	proving state = "proving"
	// confirming: the gateway said, signed, that the order is closed, and Closer
	// was told to have the order's own state say so too.
	confirming state = "confirming"
	// looking: ask for the state before anything is sent, as a sweep does: most
	// orders that wait have been paid. If the process dies here nothing was changed.
	looking state = "looking"
	// asking: a query on its own, with no close before it.
	asking state = "asking"
)

// The ends. Each is an order.Outcome.
const (
	closed        = state(order.OutcomeClosed)
	alreadyClosed = state(order.OutcomeAlreadyClosed)
	paid          = state(order.OutcomePaid)
	notFound      = state(order.OutcomeNotFound)
	found         = state(order.OutcomeFound)
	tooSoon       = state(order.OutcomeTooSoon)
	refused       = state(order.OutcomeRefused)
	unknown       = state(order.OutcomeUnknown)
)

// An event is what an answer amounts to in the light of those before it.
type event string

const (
	// What the gateway said of a close, and proved.
	accepted      event = "accepted"
	saysClosed    event = "saysClosed"
	unconfirmed   event = "unconfirmed" // accepted or saysClosed, when Confirm wants more
	saysPaid      event = "saysPaid"
	disputed      event = "disputed"
	disputedAgain event = "disputedAgain" // with the same code, and unpaid between

	// What the gateway said of the order, and proved.
	stated             event = "stated" // any state, when the state is all that was asked
	statedPaid         event = "statedPaid"
	statedClosed       event = "statedClosed"
	statedClosedBefore event = "statedClosedBefore" // confirms an ORDERCLOSED, or was so before anything was sent
	statedUnpaid       event = "statedUnpaid"
	statedTooYoung     event = "statedTooYoung" // unpaid, its close was disputed, and it is not five minutes old
	statedOther        event = "statedOther"    // being paid at this moment, or a state we do not know

	// What the gateway said to either, and proved.
	saysPaying       event = "saysPaying"
	saysMissing      event = "saysMissing"
	saysMissingAgain event = "saysMissingAgain"
	missingUnproved  event = "missingUnproved" // again, on a route where it may have been said of another order
	limited          event = "limited"
	denied           event = "denied" // a definite no

	// What is not proved.
	doubted       event = "doubted"
	unreadable    event = "unreadable" // twice in a row, a reply that could not be read
	rejected      event = "rejected"
	rejectedAgain event = "rejectedAgain"

	// The deadline.
	outOfTime        event = "outOfTime"
	outOfTimeLimited event = "outOfTimeLimited" // the last that was heard was "asked too often"

	// The same ends where a signed ORDERPAID does not count for itself: something
	// signed contradicts it, or Confirm wants the order's own state.
	unproved          event = "unproved" // denied or rejectedAgain
	outOfTimeUnproved event = "outOfTimeUnproved"
)

// A move is where an event leads, and whether to let some time pass first.
type move struct {
	to   state
	wait bool
}

// moves is the whole workflow. Every state that is not an end has a row, and
// every event that can occur in it a move; what cannot occur in a state (a query
// that is "accepted") counts as doubted there.
var moves = map[state]map[event]move{
	closing: {
		accepted:         {to: closed},
		saysClosed:       {to: alreadyClosed},
		unconfirmed:      {to: confirming},
		saysPaid:         {to: proving},
		saysMissing:      {to: querying, wait: true},
		saysPaying:       {to: querying, wait: true},
		limited:          {to: closing, wait: true},
		disputed:         {to: querying},
		disputedAgain:    {to: refused},
		denied:           {to: refused},
		doubted:          {to: querying},
		rejected:         {to: querying},
		outOfTime:        {to: unknown},
		outOfTimeLimited: {to: tooSoon},
	},
	querying: {
		statedPaid:       {to: paid},
		statedClosed:     {to: closed},
		statedUnpaid:     {to: closing, wait: true},
		statedTooYoung:   {to: tooSoon},
		statedOther:      {to: querying, wait: true},
		saysPaying:       {to: querying, wait: true},
		saysMissing:      {to: querying, wait: true},
		saysMissingAgain: {to: notFound},
		missingUnproved:  {to: unknown},
		limited:          {to: querying, wait: true},
		disputed:         {to: querying, wait: true},
		denied:           {to: unknown},
		doubted:          {to: querying, wait: true},
		rejected:         {to: querying, wait: true},
		rejectedAgain:    {to: unknown},
		outOfTime:        {to: unknown},
	},
	proving: {
		statedPaid:    {to: paid},
		statedClosed:  {to: closed},
		statedUnpaid:  {to: closing, wait: true},
		statedOther:   {to: proving, wait: true},
		saysPaying:    {to: proving, wait: true},
		saysMissing:   {to: proving, wait: true},
		limited:       {to: proving, wait: true},
		disputed:      {to: proving, wait: true},
		denied:        {to: paid},
		doubted:       {to: proving, wait: true},
		rejected:      {to: proving, wait: true},
		rejectedAgain: {to: paid},
		outOfTime:     {to: paid},

		unproved:          {to: unknown},
		outOfTimeUnproved: {to: unknown},
	},
	confirming: {
		statedPaid:         {to: paid},
		statedClosed:       {to: closed},
		statedClosedBefore: {to: alreadyClosed},
		statedUnpaid:       {to: confirming, wait: true},
		statedOther:        {to: confirming, wait: true},
		saysPaying:         {to: confirming, wait: true},
		saysMissing:        {to: confirming, wait: true},
		limited:            {to: confirming, wait: true},
		disputed:           {to: confirming, wait: true},
		denied:             {to: unknown},
		doubted:            {to: confirming, wait: true},
		rejected:           {to: confirming, wait: true},
		rejectedAgain:      {to: unknown},
		outOfTime:          {to: unknown},
	},
	looking: {
		statedPaid:         {to: paid},
		statedClosedBefore: {to: alreadyClosed},
		statedUnpaid:       {to: closing},
		statedOther:        {to: looking, wait: true},
		saysPaying:         {to: looking, wait: true},
		saysMissing:        {to: looking, wait: true},
		saysMissingAgain:   {to: notFound},
		missingUnproved:    {to: unknown},
		limited:            {to: looking, wait: true},
		disputed:           {to: looking, wait: true},
		denied:             {to: refused},
		doubted:            {to: looking, wait: true},
		unreadable:         {to: closing},
		rejected:           {to: looking, wait: true},
		rejectedAgain:      {to: unknown},
		outOfTime:          {to: unknown},
		outOfTimeLimited:   {to: tooSoon},
	},
	asking: {
		stated:           {to: found},
		saysPaying:       {to: asking, wait: true},
		saysMissing:      {to: asking, wait: true},
		saysMissingAgain: {to: notFound},
		missingUnproved:  {to: unknown},
		limited:          {to: asking, wait: true},
		disputed:         {to: asking, wait: true},
		disputedAgain:    {to: refused},
		denied:           {to: refused},
		doubted:          {to: asking, wait: true},
		rejected:         {to: asking, wait: true},
		rejectedAgain:    {to: unknown},
		outOfTime:        {to: unknown},
		outOfTimeLimited: {to: tooSoon},
	},
}
