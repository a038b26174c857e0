package schedule

import "time"

// MaxCount is where a Status stops counting what can be millions: a count of MaxCount means so many
// or more.
const MaxCount = 100_000

// Status is how a merchant's register stands, or the part of one sub-merchant, by the database's
// clock. Ages are in seconds; an age is 0 when there is nothing that is that old.
type Status struct {
	// At is when the figures were read.
	At time.Time `json:"at"`
	// SubMchID is set for the part of one sub-merchant.
	SubMchID string `json:"subMchId,omitempty"`

	// Waiting orders wait for their time, Due ones included. Due orders wait to be claimed, for as
	// long as OldestDue.
	Waiting   int     `json:"waiting"`
	Due       int     `json:"due"`
	OldestDue float64 `json:"oldestDueSeconds"`
	// Closing orders are in doubt or being attempted.
	Closing int `json:"closing"`
	// Stuck orders were given up: a person has to look.
	Stuck int `json:"stuck"`
	// Ended counts the orders that ended within the last minute.
	Ended int `json:"endedLastMinute"`

	// EventsPending are to be delivered, the oldest since OldestEvent; of more than MaxCount, it is
	// the oldest of those that are due first. EventsDead are not tried again.
	EventsPending int     `json:"eventsPending"`
	OldestEvent   float64 `json:"oldestEventSeconds"`
	EventsDead    int     `json:"eventsDead"`

	// PerSecond is how many calls a second the merchant number may make now; BackingOff says that
	// this is below the configured rate, since WeChat Pay was asked too often. Both are the
	// merchant's, and absent in the part of a sub-merchant.
	PerSecond  float64 `json:"callsPerSecond,omitempty"`
	BackingOff bool    `json:"backingOff,omitempty"`
}

// SetQuota fills in the figures of the merchant's quota. Calls that begin later are backing off
// only if WeChat Pay complained no longer ago than a pause can last: at a low rate, or with several
// sweeps at work, calls are reserved seconds ahead.
func (s *Status) SetQuota(q Quota, ceiling float64) {
	s.PerSecond = q.Rate(s.At, ceiling)
	pause := q.Opens.Sub(s.At)
	s.BackingOff = s.PerSecond < ceiling ||
		!q.Changed.IsZero() && s.At.Sub(q.Changed) <= furthest && pause > oneIncident && pause <= furthest
}
