package diagnosis

import (
	"iter"
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// signedBody is the body in a signed message: as it was received, or as a mistake has it.
type signedBody struct {
	text string
	// nil if the text is no JSON
	json  *jsonText
	style style
	// what is done to the end
	end bodyEnd
}

// bodyEnd is what is done to the end of a body.
type bodyEnd int

const (
	endTrimmed  bodyEnd = iota + 1 // without line feeds
	endLineFeed                    // with one more
	endCRLF
)

// newSignedBody is a body as it was received.
func newSignedBody(text string) signedBody { return signedBody{text: text, json: newJSONText(text)} }

// String is the body's text.
func (b *signedBody) String() string {
	text := b.text
	if b.style != (style{}) && b.json != nil {
		text = b.json.write(b.style)
	}
	switch b.end {
	case endTrimmed:
		return strings.TrimRight(text, "\r\n")
	case endLineFeed:
		return text + "\n"
	case endCRLF:
		return text + "\r\n"
	default:
		return text
	}
}

// put replaces the body by another text, which has no style.
func (b *signedBody) put(text string) { *b = signedBody{text: text} }

// bodyMistakes are the ways in which a body is signed otherwise than it is sent, the likeliest
// first. The causes are those of a request.
func bodyMistakes(right signedBody) []mistake[signedBody] {
	if right.text == "" {
		return inventedBodies("{}", "null", "[]", `""`, "undefined", "None", "nil")
	}
	list := []mistake[signedBody]{{id: "v3-body-unsigned", do: func(b *signedBody) { b.put("") }}}
	if right.json != nil {
		list = append(list, styleMistakes(right)...)
	}
	return distinct(right, append(list, bodyEndMistakes(right.text)...))
}

// styleMistakes are a body that was serialised twice. A line feed at its end is kept, or lost with
// the first text.
func styleMistakes(right signedBody) []mistake[signedBody] {
	var list []mistake[signedBody]
	for i := range spacings {
		if i+1 != right.json.sent {
			list = append(list, restyled("v3-body-spaces", spacings[i].detail, func(s *style) { s.spaces = i + 1 }))
		}
	}
	list = append(list,
		restyled("v3-body-keys", bilingual.New("signed with its keys sorted", "签名时键按顺序排列"), func(s *style) { s.keys = sorted }),
		restyled("v3-body-keys", bilingual.New("signed with its keys reversed", "签名时键的顺序相反"), func(s *style) { s.keys = reversed }))
	for i := range escapings {
		list = append(list, restyled("v3-body-escapes", escapings[i].detail, func(s *style) { s.escapes = i + 1 }))
	}
	for i := range numberings[1:] {
		list = append(list, restyled("v3-body-numbers", numberings[i+1].detail, func(s *style) { s.numbers = i + 1 }))
	}
	if strings.TrimRight(right.text, "\r\n") == right.text {
		return list
	}
	for _, kept := range distinct(right, slices.Clone(list)) {
		list = append(list, mistake[signedBody]{kept.id, kept.detail, func(b *signedBody) {
			kept.do(b)
			b.end = endTrimmed
		}})
	}
	return list
}

// bodyEndMistakes are line feeds at the end of a body that is not empty.
func bodyEndMistakes(text string) []mistake[signedBody] {
	if text == "" {
		return nil
	}
	end := func(detail bilingual.Text, end bodyEnd) mistake[signedBody] {
		return mistake[signedBody]{"v3-body-line-feed", detail, func(b *signedBody) { b.end = end }}
	}
	list := []mistake[signedBody]{
		end(bilingual.New("the body was signed with a line feed after it that was not sent", "请求体签名时末尾多了一个未发送的换行符"), endLineFeed),
		end(bilingual.New("the body was signed with carriage return and line feed after it that were not sent",
			"请求体签名时末尾多了未发送的回车和换行符"), endCRLF),
	}
	if strings.TrimRight(text, "\r\n") != text {
		list = slices.Insert(list, 0, end(bilingual.New("the body was signed without the line feed that ends it",
			"请求体签名时缺少结尾的换行符"), endTrimmed))
	}
	return list
}

// inventedBodies are bodies that were signed where none was sent: the JSON of no parameters, which
// languages write as {}, null, [] (PHP) or "".
func inventedBodies(texts ...string) []mistake[signedBody] {
	list := make([]mistake[signedBody], 0, len(texts))
	for _, text := range texts {
		list = append(list, mistake[signedBody]{
			"v3-body-invented", bilingual.Sprintf("a body was signed, %s, and none was sent", "签名了请求体 %s，但没有发送请求体", text),
			func(b *signedBody) { b.put(text) },
		})
	}
	return list
}

// restyled is a body that was serialised twice, in two styles: one text was signed, and the HTTP
// client made another of the same object.
func restyled(id cause.ID, how bilingual.Text, change func(*style)) mistake[signedBody] {
	detail := bilingual.Sprintf("the body was re-serialised between signing and sending: %s", "请求体在签名和发送之间被重新序列化：%s", how)
	return mistake[signedBody]{id, detail, func(b *signedBody) { change(&b.style) }}
}

// distinct drops the mistakes that change nothing, and of those that make the same text all but the
// first.
func distinct(right signedBody, list []mistake[signedBody]) []mistake[signedBody] {
	seen := map[string]bool{right.String(): true}
	return slices.DeleteFunc(list, func(m mistake[signedBody]) bool {
		wrong := right
		m.do(&wrong)
		text := wrong.String()
		if seen[text] {
			return true
		}
		seen[text] = true
		return false
	})
}

// rareBodyMistakes are re-serialisations that change white space, keys and escapes at once, and
// keys in any order.
func rareBodyMistakes(right signedBody) iter.Seq[mistake[signedBody]] {
	return func(yield func(mistake[signedBody]) bool) {
		if right.json == nil {
			return
		}
		escapes := right.json.distinct(upTo(len(escapings)+1), func(i int) style { return style{escapes: i} })
		for _, order := range []int{sorted, reversed} {
			for i := range spacings {
				for _, j := range escapes {
					m := restyled("v3-body-spaces", bilingual.Sprintf("%s, with its keys in another order and other escapes", "%s，键的顺序和转义也不同",
						spacings[i].detail), func(s *style) { s.keys, s.spaces, s.escapes = order, i+1, j })
					if !yield(m) {
						return
					}
				}
			}
		}
		for _, object := range right.json.objects() {
			parts := right.json.membersOf(object)
			for order := range orders(len(object.keys)) {
				m := mistake[signedBody]{id: "v3-body-keys", do: func(b *signedBody) { b.put(parts.in(order)) }}
				if !yield(m) {
					return
				}
			}
		}
	}
}

const (
	// maxPermuted is the most things of which every order is tried: 720 orders.
	maxPermuted = 6
	// maxMoved is the most things of which one is moved: 360 orders and more. A body of WeChat Pay
	// has up to 12 members in an object.
	maxMoved = 16
)

// orders yields the orders of n things but the given one: each, or for many things those in which
// one of them has moved or two are exchanged, and for very many none.
func orders(n int) iter.Seq[[]int] {
	return func(yield func([]int) bool) {
		if n > maxMoved {
			return
		}
		order := make([]int, n)
		for i := range order {
			order[i] = i
		}
		if n > maxPermuted {
			movedOnce(order, yield)
			return
		}
		for next(order) {
			if !yield(slices.Clone(order)) {
				return
			}
		}
	}
}

// movedOnce yields the orders in which one thing has moved, or two are exchanged.
func movedOnce(order []int, yield func([]int) bool) {
	for from := range order {
		for to := range order {
			if from == to {
				continue
			}
			moved := slices.Insert(slices.Delete(slices.Clone(order), from, from+1), to, order[from])
			exchanged := slices.Clone(order)
			exchanged[from], exchanged[to] = exchanged[to], exchanged[from]
			if !yield(moved) || from < to && !yield(exchanged) {
				return
			}
		}
	}
}

// next is the step to the next permutation in lexicographic order (Knuth, The Art of Computer
// Programming, volume 4A, algorithm L). It turns an order into the next one by its places, and
// reports whether there is one.
func next(order []int) bool {
	i := len(order) - 2
	for i >= 0 && order[i] >= order[i+1] {
		i--
	}
	if i < 0 {
		return false
	}
	j := len(order) - 1
	for order[j] <= order[i] {
		j--
	}
	order[i], order[j] = order[j], order[i]
	slices.Reverse(order[i+1:])
	return true
}
