package paynotify_test

import (
	"bytes"
	"math/rand/v2"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"cloudpay/internal/paynotify"
)

// forged is a receiver for notifications of which none is to be believed.
type forged struct {
	*kit

	recorded  *counting
	forwarded int
}

func newForged(t *testing.T) *forged {
	t.Helper()
	f := &forged{kit: newKit(t)}
	f.recorded = &counting{Register: f.register}
	f.Register = f.recorded
	f.Forward = paynotify.NewForwarder(secretAddress, transport(func(r *http.Request) (*http.Response, error) {
		f.forwarded++
		return answers("HTTP/1.1 204 OK\r\n\r\n")(r)
	}))
	return f
}

// refused fails unless a notification is refused, and neither recorded nor passed on.
func (f *forged) refused(n paynotify.Notice, what string) {
	f.t.Helper()
	f.logs.Reset()
	got := f.Take(f.t.Context(), n)
	if got.Status < 400 || strings.Contains(string(got.Body), "SUCCESS") || f.recorded.calls > 0 || f.forwarded > 0 {
		f.t.Errorf("%s: got %d %s after %d records and %d forwards, want it refused\n%v\n%s",
			what, got.Status, got.Body, f.recorded.calls, f.forwarded, n.Header, n.Body)
	}
	if strings.Contains(f.logs.String(), "A1") {
		f.t.Errorf("%s: the log repeats what was not verified: %s", what, f.logs)
	}
}

// proving are headers whose every byte is signed, or decides who signed.
var proving = []string{"Wechatpay-Timestamp", "Wechatpay-Nonce", "Wechatpay-Serial", "Wechatpay-Signature"}

func (f *forged) genuine() []paynotify.Notice {
	hmac := paidV2("A1")
	hmac["sign_type"] = "HMAC-SHA256"
	return []paynotify.Notice{
		paidNotice(direct("A1", total100)).sent(f.t), refundNotice("SUCCESS").sent(f.t),
		sentV2(paidV2("A1"), v2Key), sentV2(hmac, v2Key),
	}
}

// TestEveryByte flips each byte of each dialect's notifications, and cuts them at each.
func TestEveryByte(t *testing.T) {
	t.Parallel()
	f := newForged(t)
	for _, genuine := range f.genuine() {
		for i := range genuine.Body {
			f.refused(paynotify.Notice{Header: genuine.Header, Body: flipped(genuine.Body, i, 1)}, "a flipped byte")
			f.refused(paynotify.Notice{Header: genuine.Header, Body: genuine.Body[:i]}, "a cut body")
		}
		for _, name := range proving {
			value := genuine.Header.Get(name)
			for i := range value {
				changed := genuine.Header.Clone()
				changed.Set(name, string(flipped([]byte(value), i, 1)))
				f.refused(paynotify.Notice{Header: changed, Body: genuine.Body}, "a flipped byte of "+name)
			}
		}
	}
}

// forgedByDefault is how many forged notifications TestForged makes: few with the race detector,
// which slows them tenfold. make test runs it without, too.
func forgedByDefault() int {
	if raced {
		return 5_000
	}
	return 100_000
}

// forgedAtOnce is how many of them have a seed of their own, so that a failure comes again, and
// however many processors share the work.
const forgedAtOnce = 500

// TestForged has as many forged, truncated, re-encrypted, re-signed and stale notifications refused
// as CLOUDPAY_FORGED_NOTICES says. The genuine ones that they are made of are believed.
func TestForged(t *testing.T) {
	t.Parallel()
	count := forgedByDefault()
	if text := os.Getenv("CLOUDPAY_FORGED_NOTICES"); text != "" {
		given, err := strconv.Atoi(text)
		if err != nil || given < 1 {
			t.Fatalf("CLOUDPAY_FORGED_NOTICES=%s is no number from 1 on", text)
		}
		count = given
	}
	for _, genuine := range newForged(t).genuine() {
		newKit(t).take(genuine, http.StatusOK)
	}
	var next atomic.Int64
	var all sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		all.Go(func() {
			f := newForged(t)
			bases, resigned := f.genuine(), f.resigned()
			for from := int(next.Add(forgedAtOnce)) - forgedAtOnce; from < count && !t.Failed(); from = int(next.Add(forgedAtOnce)) - forgedAtOnce {
				f.forge(rand.New(rand.NewPCG(12, uint64(from))), min(forgedAtOnce, count-from), bases, resigned)
			}
		})
	}
	all.Wait()
	if !t.Failed() {
		t.Logf("%d forged notifications, 0 believed", count)
	}
}

// forge has count notifications refused: mutants of the genuine ones, and each tenth of those that
// others signed.
func (f *forged) forge(random *rand.Rand, count int, genuine, resigned []paynotify.Notice) {
	for n := range count {
		if n%10 == 0 {
			f.refused(resigned[random.IntN(len(resigned))], "signed or encrypted by others, or stale")
			continue
		}
		f.refused(mutant(random, genuine[random.IntN(len(genuine))]), "a mutant")
	}
}

// resigned are notifications that are whole, and signed or encrypted by others, or too old.
func (f *forged) resigned() []paynotify.Notice {
	change := func(how func(*v3Notice)) paynotify.Notice {
		n := paidNotice(direct("A1", total100))
		how(&n)
		return n.sent(f.t)
	}
	other := paidV2("A1")
	other["mch_id"] = "1900000002"
	asReply := paidV2("A1")
	asReply["trade_state"] = "SUCCESS"
	unsigned := sentV2(paidV2("A1"), v2Key)
	before, _, _ := bytes.Cut(unsigned.Body, []byte("<sign>"))
	unsigned.Body = append(bytes.Clone(before), "</xml>"...)
	return []paynotify.Notice{
		change(func(n *v3Notice) { n.signer = stranger() }),
		change(func(n *v3Notice) { n.v3Key = strings.ToLower(v3Key) }),
		change(func(n *v3Notice) { n.v3Key, n.event = strings.ToLower(v3Key), "COUPON.USE" }),
		change(func(n *v3Notice) { n.v3Key, n.event, n.original = strings.ToLower(v3Key), "REFUND.CLOSED", "refund" }),
		change(func(n *v3Notice) { n.at = noon().Add(-5*time.Minute - time.Second) }),
		change(func(n *v3Notice) { n.at = noon().Add(5*time.Minute + time.Second) }),
		change(func(n *v3Notice) { n.plain = strings.ReplaceAll(n.plain, mchID, "1900000002") }),
		sentV2(paidV2("A1"), strings.ToLower(v2Key)), sentV2(other, v2Key), sentV2(asReply, v2Key), unsigned,
		{Header: http.Header{}, Body: []byte("<xml><return_code>SUCCESS</return_code><req_info>QQ==</req_info></xml>")},
		{Header: http.Header{}, Body: []byte(`{"ParsedContent":` + direct("A1") + `,"ParsedNotify":{"event_type":"TRANSACTION.SUCCESS"}}`)},
	}
}

// mutant is a notification with some change: bytes flipped, removed, inserted or moved, its tail
// cut off, or a proving header changed, missing or of another notification.
func mutant(random *rand.Rand, genuine paynotify.Notice) paynotify.Notice {
	header, body := genuine.Header.Clone(), bytes.Clone(genuine.Body)
	signs := header.Get("Wechatpay-Signature") != ""
	at := random.IntN(len(body))
	switch kind := random.IntN(8); {
	case kind < 2 || !signs && kind > 4:
		body = flipped(body, at, byte(1+random.IntN(255)))
	case kind == 2:
		body = body[:at]
	case kind == 3:
		body = append(body[:at], body[at+1:]...)
	case kind == 4:
		body = append(body[:at:at], append([]byte{'0' + byte(random.IntN(10))}, body[at:]...)...)
	case kind == 5:
		header.Del(proving[random.IntN(len(proving))])
	case kind == 6:
		name := proving[random.IntN(len(proving))]
		value := []byte(header.Get(name))
		header.Set(name, string(flipped(value, random.IntN(len(value)), 1)))
	default:
		name := proving[random.IntN(len(proving))]
		header.Add(name, header.Get(name))
		header.Set(name, header.Get(name)+"0")
	}
	if bytes.Equal(body, genuine.Body) && headersEqual(header, genuine.Header) {
		body = body[:len(body)-1]
	}
	return paynotify.Notice{Header: header, Body: body}
}

func headersEqual(a, b http.Header) bool {
	for _, name := range proving {
		if strings.Join(a.Values(name), ",") != strings.Join(b.Values(name), ",") {
			return false
		}
	}
	return true
}

func flipped(body []byte, at int, with byte) []byte {
	changed := bytes.Clone(body)
	changed[at] ^= with
	return changed
}
