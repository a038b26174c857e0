package diagnosis

import (
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
)

// signedText is what signs a reply or a notification: three lines, each with its line feed, also
// the one of an empty body (pay.weixin.qq.com doc v3/merchant 4013053249).
type signedText struct {
	timestamp, nonce, body variant
	// layout joins them, t, n and b standing for the three. Without text it is usualLayout.
	layout variant
}

const usualLayout = "t\nn\nb\n"

// text is the text itself.
func (s signedText) text() string {
	var out strings.Builder
	layout := usualLayout
	if s.layout.text != "" {
		layout = s.layout.text
	}
	for i := range len(layout) {
		switch c := layout[i]; c {
		case 't':
			out.WriteString(s.timestamp.text)
		case 'n':
			out.WriteString(s.nonce.text)
		case 'b':
			out.WriteString(s.body.text)
		default:
			out.WriteByte(c)
		}
	}
	return out.String()
}

// changes are the findings of the variants that it has. The body comes first: a program can mend
// how it reads a body, and a proxy that edits headers mostly needs another party.
func (s signedText) changes() []Finding { return found(s.body, s.timestamp, s.nonce, s.layout) }

// sent is the text by what was received.
func (e evidence) sent() signedText {
	return signedText{timestamp: variant{text: e.timestamp}, nonce: variant{text: e.nonce}, body: variant{text: e.body}}
}

const (
	// maxPairBody bounds the body of which two changes at once are tried, in bytes.
	maxPairBody = 4 << 10
	// maxPairBodies is how many forms of a body are tried beside another change.
	maxPairBodies = 40
	// maxDrift is how far a timestamp is tried in each direction.
	maxDrift = 10 * time.Minute
)

// search returns the first variant of what was received that fits: with one change, and else with
// two. ok is false if none does. Two changes and distant timestamps are tried of short bodies only.
//
// In this order: another body; another timestamp, nonce or layout; a timestamp within maxDrift; two
// of them together. A nonce of 32 random characters cannot be found if nothing of it is left, nor a
// body of which something was lost. Some 5,000 digests are tried of a text of one kilobyte, which
// takes about 10 milliseconds.
func (e evidence) search(fits func(text string) bool) (text signedText, ok bool) {
	var bodies []change
	for original := range originalsOf(e.body) {
		one := func(s *signedText) { s.body = variant{e.ids.bodyParsed, original.why, original.body} }
		if text, ok := e.fitting(fits, one); ok {
			return text, true
		}
		if len(bodies) < maxPairBodies {
			bodies = append(bodies, one)
		}
	}
	others := slices.Concat(e.timestamps(), e.nonces(), e.layouts())
	for _, one := range others {
		if text, ok := e.fitting(fits, one); ok {
			return text, true
		}
	}
	if len(e.body) > maxPairBody {
		return e.sent(), false
	}
	for timestamp := range e.drifts() {
		one := func(s *signedText) { s.timestamp.text = timestamp }
		if _, ok := e.fitting(fits, one); ok {
			return e.fitting(fits, e.timestampChange(timestamp))
		}
	}
	for i, one := range others {
		for _, other := range slices.Concat(others[:i], bodies) {
			if text, ok := e.fitting(fits, one, other); ok {
				return text, true
			}
		}
	}
	return e.sent(), false
}

// change makes one change to a text.
type change func(*signedText)

// fitting makes the changes to what was received, and reports whether the result fits. The text is
// returned with the findings of its changes in it.
func (e evidence) fitting(fits func(text string) bool, changes ...change) (signedText, bool) {
	text := e.sent()
	for _, one := range changes {
		one(&text)
	}
	return text, fits(text.text())
}

// timestampChange signs another timestamp than the header's.
func (e evidence) timestampChange(text string) change {
	return func(s *signedText) { s.timestamp = e.changed(headerTimestamp, text) }
}

// changed is another value of a header that was signed. The finding names both values: neither is a
// secret.
func (e evidence) changed(name, text string) variant {
	return variant{e.ids.headerChanged, bilingual.Sprintf(
		"%s is %s, and %s was signed", "%s 是 %s，而被签名的是 %s", name, shown(e.header.Get(name)), shown(text)), text}
}

// timestamps are the likely changes of the timestamp: its unit, its form, the time of the reply. A
// program that logs a reply may write milliseconds or a date, in Beijing's time without saying so;
// one that has lost the header may take Date in its place.
func (e evidence) timestamps() []change {
	const inSeconds, inMilliseconds = 10, 13
	texts := forms(e.header.Values(headerTimestamp))
	if len(e.timestamp) == inMilliseconds {
		texts = append(texts, e.timestamp[:inSeconds])
	}
	texts = append(texts, e.timestamp+"000")
	if number, err := strconv.ParseFloat(strings.TrimSpace(e.timestamp), 64); err == nil {
		texts = append(texts, strconv.FormatFloat(number, 'f', 0, 64))
	}
	const beijing = 8 * time.Hour
	for _, at := range e.times() {
		for _, shift := range []time.Duration{0, -beijing, beijing} {
			texts = append(texts, strconv.FormatInt(at.Add(shift).Unix(), 10))
		}
	}
	var changes []change
	for text := range others(e.timestamp, texts) {
		changes = append(changes, e.timestampChange(text))
	}
	return changes
}

// others yields each text that is not the one received, once: a form that changes nothing would
// only be digested again.
func others(received string, texts []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{received: true}
		for _, text := range texts {
			if !seen[text] && !yield(text) {
				return
			}
			seen[text] = true
		}
	}
}

// times are the timestamp read as a date, and the reply's own.
func (e evidence) times() []time.Time {
	var times []time.Time
	for _, text := range []string{e.timestamp, e.header.Get("Date")} {
		for _, layout := range []string{time.RFC3339, time.DateTime, http.TimeFormat, time.RFC1123Z} {
			if at, err := time.Parse(layout, strings.TrimSpace(text)); err == nil {
				times = append(times, at)
			}
		}
	}
	return times
}

// drifts yields the timestamps around the one received, the nearer first, as of a second clock or
// of another message: a program that keeps the headers of the reply before, or makes its own.
func (e evidence) drifts() iter.Seq[string] {
	base, err := strconv.ParseInt(e.timestamp, 10, 40)
	if times := e.times(); err != nil && len(times) > 0 {
		base, err = times[0].Unix(), nil
	}
	return func(yield func(string) bool) {
		for seconds := int64(1); err == nil && seconds <= int64(maxDrift/time.Second); seconds++ {
			if !yield(strconv.FormatInt(base+seconds, 10)) || !yield(strconv.FormatInt(base-seconds, 10)) {
				return
			}
		}
	}
}

// nonces are the likely changes of the nonce: its form, and the values of other headers, of which
// Request-ID is the one that is confused with it.
func (e evidence) nonces() []change {
	texts := forms(e.header.Values(headerNonce))
	texts = append(texts, strings.ToUpper(e.nonce), strings.ToLower(e.nonce), strings.ReplaceAll(e.nonce, "-", ""), uuid(e.nonce))
	var elsewhere []string
	for name, values := range e.header {
		if name != headerNonce && name != headerSignature {
			elsewhere = append(elsewhere, values...)
		}
	}
	slices.Sort(elsewhere) // a map has no order, and a diagnosis has
	var changes []change
	for text := range others(e.nonce, append(texts, elsewhere[:min(len(elsewhere), maxPairBodies)]...)) {
		changes = append(changes, func(s *signedText) { s.nonce = e.changed(headerNonce, text) })
	}
	return changes
}

// uuid writes 32 characters as a UUID is written; anything else stays as it is. Java and .NET print
// one so when a program makes its nonce of it.
func uuid(text string) string {
	const size = 32
	if len(text) != size {
		return text
	}
	return strings.Join([]string{text[:8], text[8:12], text[12:16], text[16:20], text[20:]}, "-")
}

// forms are what the values of a header may have been before: each alone, parts of one that joins
// two, without what was put around it, and decoded. A proxy that adds a header again makes two
// values, which RFC 9110, section 5.3, lets the next one join with a comma.
func forms(values []string) []string {
	var texts []string
	for _, value := range values {
		texts = append(texts, value)
		texts = append(texts, strings.Split(value, ",")...)
	}
	for _, text := range slices.Clone(texts) {
		plain := strings.Trim(text, " \t\r\n\"'")
		texts = append(texts, plain)
		for _, unescape := range []func(string) (string, error){url.QueryUnescape, url.PathUnescape} {
			if decoded, err := unescape(plain); err == nil {
				texts = append(texts, decoded)
			}
		}
	}
	return texts
}

// layouts are how a signer that is not WeChat Pay, such as a test's, joins the lines. WeChat Pay
// itself never errs in that, so that no receiver's mistake is claimed by them.
func (e evidence) layouts() []change {
	layout := func(en, zh, form string) change {
		return func(s *signedText) { s.layout = variant{replyOther, bilingual.New(en, zh), form} }
	}
	return []change{
		layout("the signer left out the last line feed", "签名方漏掉了最后一个换行符", "t\nn\nb"),
		layout("the signer left out the line of the body", "签名方漏掉了正文那一行", "t\nn\n"),
		layout("the signer put the nonce before the timestamp", "签名方把随机串放在了时间戳前面", "n\nt\nb\n"),
		layout("the signer ended lines with carriage return and line feed", "签名方用了回车加换行", "t\r\nn\r\nb\r\n"),
		layout("only the body was signed", "只对正文做了签名", "b"),
	}
}
