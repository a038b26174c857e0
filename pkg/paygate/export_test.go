package paygate

import (
	"crypto/rsa"
	"encoding/json"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
)

// What the tests check without the wire.

// SignV2 signs name=value pairs.
func SignV2(key, signType string, pairs ...[2]string) string {
	var doc fields
	for _, p := range pairs {
		doc = append(doc, field{p[0], p[1]})
	}
	return signV2(doc, key, signType)
}

// DecodeV2 reads an APIv2 document into name=value pairs.
func DecodeV2(body []byte) ([][2]string, error) {
	doc, err := decodeV2(body)
	var pairs [][2]string
	for _, f := range doc {
		pairs = append(pairs, [2]string{f.name, f.value})
	}
	return pairs, err
}

// pairsOf is a document's elements.
func pairsOf(doc fields) [][2]string {
	var pairs [][2]string
	for _, f := range doc {
		pairs = append(pairs, [2]string{f.name, f.value})
	}
	return pairs
}

// ScanV2 reads a plain APIv2 document by scanV2.
func ScanV2(body []byte) (pairs [][2]string, plain bool) {
	doc, plain := scanV2(body)
	return pairsOf(doc), plain
}

// ParseV2 reads an APIv2 document by parseV2.
func ParseV2(body []byte) ([][2]string, error) {
	doc, err := parseV2(body)
	return pairsOf(doc), err
}

// EncodeV2 writes name=value pairs as an APIv2 document.
func EncodeV2(pairs [][2]string) []byte {
	var doc fields
	for _, p := range pairs {
		doc = append(doc, field{p[0], p[1]})
	}
	return encodeV2(doc)
}

// Functions under test, as they are.
var (
	MessageV3     = messageV3
	AnswerV3      = answerV3
	VerifyV3      = verifyV3
	DecodeTexts   = decodeTexts
	DecodeObject  = decodeObject
	IsXMLText     = isXMLText
	ParseDuration = parseDuration
	Differently   = differently
)

// RefundingV3 reads the body of a request for a refund: its number and its amount.
func RefundingV3(body []byte) (outRefundNo string, amount int64, ok bool) {
	object, err := decodeObject(body)
	if err != nil || checkForm(refundForm(), object, "") != nil {
		return "", 0, false
	}
	return textAt(object, "out_refund_no"), integerAt(object, "amount", "refund"), true
}

// ParseRefundPath reads a path of APIv3's refunds: "refund", or "refund-query" with the number.
func ParseRefundPath(path string) (op, outRefundNo string, ok bool) {
	route, ok := parseRefundV3(path)
	return route.op, route.outRefundNo, ok
}

// ParseCredential reads an Authorization header behind its scheme: mchid, nonce_str, timestamp,
// serial_no, signature.
func ParseCredential(text string) (fields [5]string, ok bool) {
	c, ok := parseCredential(text)
	return [5]string{c.mchID, c.nonce, c.timestamp, c.serial, c.signature}, ok
}

// MaxHistory is how many requests are remembered.
const MaxHistory = defaultHistory

// Remember files a request in the history.
func (g *Gateway) Remember(r Request) { g.history.add(r, func(int) {}) }

// Codes lists the table of codes: APIv2's spelling, APIv3's, and its HTTP status.
func Codes() map[string]struct {
	V2, V3 string
	Status int
} {
	table := make(map[string]struct {
		V2, V3 string
		Status int
	})
	for name, c := range codes {
		table[name] = struct {
			V2, V3 string
			Status int
		}{c.v2, c.v3, c.status}
	}
	return table
}

// NonceLog remembers nonces.
type NonceLog struct{ log nonceLog }

// Reused says whether a nonce was known, and remembers it.
func (l *NonceLog) Reused(mchID, nonce string, at time.Time) bool {
	return l.log.reused(mchID, nonce, at)
}

// Len is how many are remembered.
func (l *NonceLog) Len() int { return len(l.log.seen) }

// Draws is what n replies to different calls would be signed with: "c" or "p" for certificate or
// public key, and "!" for a probe.
func Draws(shares Signing, seed uint64, asked string, n int) string {
	l, err := newLottery(shares, seed)
	if err != nil {
		return err.Error()
	}
	kinds := map[string]keyKind{"c": certificateKey, "p": publicKey}
	text := ""
	for i := range n {
		kind, probe := l.draw(kinds[asked], call{transactionID: strconv.Itoa(i)}, false)
		for name, one := range kinds {
			if one == kind {
				text += name
			}
		}
		if probe {
			text += "!"
		}
	}
	if len(l.probed) > maxProbed {
		return "too many calls are remembered"
	}
	return text
}

// CertificateKey is the newest platform certificate's private key.
func (g *Gateway) CertificateKey() *rsa.PrivateKey { return g.platform.newest().key }

// IssuePrepay answers a prepay_id of a test's choice for an order that was added.
func (g *Gateway) IssuePrepay(outTradeNo, prepayID string) {
	b := g.orders
	b.mu.Lock()
	defer b.mu.Unlock()
	for rec := b.numbers[outTradeNo]; rec != nil; rec = rec.next {
		b.prepayments[codeOf(prepayID)] = issued{single: rec, at: secondsOf(b.clock.time())}
	}
}

// CheckPlacing checks the body of a placing, and returns the refusal's field and sentence. known is
// false for a body that is no JSON object.
func CheckPlacing(trade string, partner, combine bool, body []byte) (field, reason string, known bool) {
	doc, err := decodeObject(body)
	if err != nil {
		return "", "", false
	}
	no := checkForm(formOf(routeV3{trade: trade, partner: partner, combine: combine}), doc, "")
	if no == nil {
		return "", "", true
	}
	detail, _ := no.detail.(issue)
	return detail.Field, no.reason, true
}

// ParamsOf flattens a JSON object.
func ParamsOf(body []byte) map[string]string {
	doc, err := decodeObject(body)
	if err != nil {
		return nil
	}
	return paramsOf(doc)
}

// Differing names the parameters in which a second request differs from a first one, of which the
// book has the fingerprint.
func Differing(first, second map[string]string) []string {
	b := &orderBook{}
	return b.differing(b.fingerprint(first), second)
}

// KeepOrder returns an order as the book and then the file give it back.
func KeepOrder(o Order) (Order, error) {
	b := &orderBook{prepayments: make(map[prepayCode]issued)}
	rec := newRecord(&o)
	o = rec.order()
	text, err := json.Marshal(b.keepOrder(rec, &o))
	if err != nil {
		return Order{}, err
	}
	var kept keptOrder
	if err := unmarshal(text, &kept); err != nil {
		return Order{}, err
	}
	again, err := kept.record()
	if err != nil {
		return Order{}, err
	}
	return again.order(), nil
}

// SpoilFile puts a value into a gateway's file, or with "" removes it, and leaves the sums right.
func SpoilFile(t Tester, file, bucket, key, value string) {
	k, err := openKeeper(file)
	if err != nil {
		t.Fatalf("opening %s: %v", file, err)
		return
	}
	defer k.close(errClosed)
	var put any
	if value != "" {
		put = json.RawMessage(value)
	}
	if k.write(change{bucket, key, put}); k.err() != nil {
		t.Fatalf("spoiling %s: %v", file, k.err())
	}
}

// FileFormat is the format of a gateway's file.
func FileFormat(t Tester, file string) (format int) {
	k, err := openKeeper(file)
	if err != nil {
		t.Fatalf("opening %s: %v", file, err)
		return 0
	}
	defer k.close(errClosed)
	return k.format
}

// HoldFile keeps the next transaction from being written until release is called.
func (g *Gateway) HoldFile() (release func()) {
	g.keep.mu.Lock()
	return g.keep.mu.Unlock
}

// Queued is how many entries were ever to be written to the file.
func (g *Gateway) Queued() uint64 {
	g.keep.queueMu.Lock()
	defer g.keep.queueMu.Unlock()
	return g.keep.queued
}

// Transactions is how many transactions the file has seen.
func (g *Gateway) Transactions() (n int) {
	_ = g.keep.view(func(tx *bolt.Tx) error {
		n = tx.ID()
		return nil
	})
	return n
}

// FailFile has every later write fail, for good.
func (g *Gateway) FailFile() { _ = g.keep.db.Close() }

// MaxBacklog is how many entries may wait for room.
const MaxBacklog = maxBacklog

// Crowd has that many entries wait that change nothing.
func (g *Gateway) Crowd() {
	for range maxBacklog {
		g.keep.enqueue(change{requestsBucket, "none", nil})
	}
}

// Backlog is how many entries wait.
func (g *Gateway) Backlog() int {
	g.keep.queueMu.Lock()
	defer g.keep.queueMu.Unlock()
	return len(g.keep.queue)
}

// SetStreamTimes sets how often a stream sends a comment, and how long it waits for its reader.
func (g *Gateway) SetStreamTimes(heartbeat, patience time.Duration) {
	g.stream = streamTimes{heartbeat, patience}
}
