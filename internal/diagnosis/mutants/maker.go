package mutants

import (
	"fmt"
	"math/rand/v2"
	"slices"
)

// Keys is what is known to the side that looks for the mistake.
type Keys struct {
	Merchant

	Others   []Merchant
	Platform []Signer
}

// Mutant is a message with a mistake, or without one if Cause is empty.
type Mutant struct {
	Message

	// Cause names the mistake. Also are others that make the very same bytes.
	Cause string
	Also  []string
	// How says which of its forms the mistake has.
	How  string
	Keys Keys
}

// mutator makes one mistake.
type mutator struct {
	cause string
	kind  Kind
	// make is false for a message that the mistake cannot be made in.
	make func(*maker) bool
}

// Maker makes mutants of good messages.
type Maker struct {
	world *World
	// by kind; those of other people's programs, and ours
	theirs, ours map[Kind][]Message
}

// NewMaker makes mutants of the good messages given.
func (w *World) NewMaker(good []Message) *Maker {
	m := &Maker{world: w, theirs: map[Kind][]Message{}, ours: map[Kind][]Message{}}
	theirs, ours := byOrigin(good)
	for _, one := range theirs {
		m.theirs[one.Kind] = append(m.theirs[one.Kind], one)
	}
	for _, one := range ours {
		m.ours[one.Kind] = append(m.ours[one.Kind], one)
	}
	return m
}

// mutators is every mistake. A mistake that can be made in messages of several kinds stands there
// for each of them.
var mutators = slices.Concat(headersV3, textsV3, bodiesV3, signaturesV3, mistakesV2, repliesV3, repliesV2, notices, noticesV2,
	mistakesPaySign)

// Causes are the names of the mistakes, each once.
func Causes() []string {
	var names []string
	for _, one := range mutators {
		if !slices.Contains(names, one.cause) {
			names = append(names, one.cause)
		}
	}
	return names
}

// Wrong returns the n-th mutant of a seed. Mistakes take turns. It fails only if no good message
// can have the mistake whose turn it is.
func (m *Maker) Wrong(seed, n uint64) (Mutant, error) {
	one := mutators[n%uint64(len(mutators))]
	k := m.draw(seed, n)
	const most = 500
	for range most {
		k.start(m.good(k, one.kind))
		k.Cause = one.cause
		if one.make(k) {
			return k.Mutant, nil
		}
	}
	return Mutant{}, fmt.Errorf("no good message of %d of kind %s can have the mistake %s",
		len(m.theirs[one.kind])+len(m.ours[one.kind]), one.kind, one.cause)
}

// Right returns the n-th good message of a seed: as it was captured, or made anew with another
// nonce, time and order.
func (m *Maker) Right(seed, n uint64) Mutant {
	kinds := []Kind{RequestV3, RequestV2, ReplyV3, ReplyV2, NotificationV3, NotificationV2, PaySign}
	k := m.draw(seed, n)
	k.start(m.good(k, kinds[n%uint64(len(kinds))]))
	k.vary()
	return k.Mutant
}

// draw is the source of all that is chosen for one mutant.
func (m *Maker) draw(seed, n uint64) *maker {
	return &maker{world: m.world, random: rand.New(rand.NewPCG(seed, n))}
}

// good is a good message: one of other people's as often as one of ours.
func (m *Maker) good(k *maker, kind Kind) Message {
	theirs, ours := m.theirs[kind], m.ours[kind]
	if kind == PaySign {
		return Message{Kind: PaySign} // it is made anew each time
	}
	if len(ours) == 0 || (len(theirs) > 0 && k.coin()) {
		return pick(k, theirs)
	}
	return pick(k, ours)
}

// maker makes one mutant.
type maker struct {
	Mutant

	world  *World
	random *rand.Rand
}

// start begins with a good message, and with all keys known.
func (k *maker) start(good Message) {
	w := k.world
	k.Mutant = Mutant{
		Message: good.clone(),
		Keys:    Keys{Merchant: w.Merchant, Others: []Merchant{w.Other}, Platform: []Signer{w.PublicKey, w.Certificate}},
	}
}

// vary changes a good message so that it stays good.
func (k *maker) vary() {
	switch k.Kind {
	case RequestV3:
		k.varyV3()
	case RequestV2, ReplyV2:
		k.varyV2()
	case ReplyV3, NotificationV3:
		k.At = k.At.Add(seconds(k.between(-290, 290)))
	case PaySign:
		k.varyPayment()
	case NotificationV2: // nothing about it can be changed alone
	}
}

// coin is true half of the time.
func (k *maker) coin() bool { return k.random.IntN(2) == 0 }

// rarely is true one time in n.
func (k *maker) rarely(n int) bool { return k.random.IntN(n) == 0 }

// between is a number from least to most.
func (k *maker) between(least, most int) int { return least + k.random.IntN(most-least+1) }

// text is n characters of an alphabet.
func (k *maker) text(alphabet string, n int) string {
	made := make([]byte, n)
	for i := range made {
		made[i] = alphabet[k.random.IntN(len(alphabet))]
	}
	return string(made)
}

// The alphabets of numbers and nonces.
const (
	digits   = "0123456789"
	capitals = "0123456789ABCDEF"
	smalls   = "0123456789abcdef"
	letters  = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// as notes which form the mistake has, and that it was made.
func (k *maker) as(format string, args ...any) bool {
	k.How = fmt.Sprintf(format, args...)
	return true
}

// pick is one of several.
func pick[T any](k *maker, of []T) T { return of[k.random.IntN(len(of))] }
