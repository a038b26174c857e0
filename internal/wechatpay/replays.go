package wechatpay

import (
	"crypto/sha256"
	"sync"
	"time"

	"cloudpay/internal/order"
)

const (
	// maxSkew is how far from our clock an APIv3 reply may be signed. An older one is refused as
	// stale, so it need not be remembered.
	maxSkew = 5 * time.Minute
	// untimed is how long a reply is remembered that signs no time.
	untimed = 10 * time.Minute
	// maxReplays bounds the memory to about 10 MB, the replies of five minutes at 300 a second.
	maxReplays = 100_000
)

// replays remembers the signatures of accepted replies, so that each is accepted once. It is a
// second line of defence and nothing relies on it: another instance has other memories, and a new
// process none. The zero replays is ready for use.
type replays struct {
	mu    sync.Mutex
	known map[[sha256.Size]byte]bool
	queue []replay // the known ones, in order of arrival
}

// replay is a signature's hash, and when it is forgotten.
type replay struct {
	hash  [sha256.Size]byte
	until time.Time
}

// first reports whether a is the first answer with its signature, and remembers it. The protocols
// accept one spelling of a signature only, so that its text is as good as its bytes.
func (r *replays) first(api order.API, a order.Answer, now time.Time) bool {
	hash := sha256.Sum256([]byte(string(api) + " " + a.Sign))
	until := now.Add(untimed)
	if a.Clock.Signed {
		until = a.Clock.At.Add(maxSkew)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	// The queue is in order of arrival and not quite of forgetting, so that a reply may be
	// remembered somewhat longer than its time.
	for len(r.queue) > 0 && (len(r.queue) >= maxReplays || !now.Before(r.queue[0].until)) {
		delete(r.known, r.queue[0].hash)
		r.queue = r.queue[1:]
	}
	if r.known[hash] {
		return false
	}
	if r.known == nil {
		r.known = map[[sha256.Size]byte]bool{}
	}
	r.known[hash] = true
	r.queue = append(r.queue, replay{hash, until})
	return true
}
