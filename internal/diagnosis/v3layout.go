package diagnosis

import (
	"slices"
	"strings"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/cause"
)

// The places of the lines in a message.
const (
	lineTimestamp = 2
	lineNonce     = 3
	lineBody      = 4
)

// layoutMistake is a message whose parts are put together wrongly.
func layoutMistake(id cause.ID, detail bilingual.Text, join func(parts []string) string) mistake[messageV3] {
	return mistake[messageV3]{id, detail, func(m *messageV3) { m.layout = join }}
}

// ended joins the parts with something behind each of them.
func ended(with string) func([]string) string {
	return func(parts []string) string { return strings.Join(parts, with) + with }
}

// layoutMistakes are the likely ways in which the five lines are put together wrongly.
func layoutMistakes() []mistake[messageV3] {
	table := bilingual.Text{}
	return []mistake[messageV3]{
		layoutMistake("v3-last-line-feed", table, func(parts []string) string { return strings.Join(parts, "\n") }),
		layoutMistake("v3-body-line", table, func(parts []string) string { return ended("\n")(parts[:lineBody]) }),
		layoutMistake("v3-crlf", table, ended("\r\n")),
		layoutMistake("v3-backslash-n", table, ended(`\n`)),
		layoutMistake("v3-lines-swapped", bilingual.New("nonce_str and timestamp are signed in the wrong order: timestamp comes first",
			"nonce_str 和 timestamp 的顺序签反了：timestamp 在前"), func(parts []string) string {
			return ended("\n")(exchanged(parts, lineTimestamp, lineNonce))
		}),
		layoutMistake("v3-last-line-feed", bilingual.New("there is one line feed too many at the end", "末尾多了一个换行符"),
			func(parts []string) string { return ended("\n")(parts) + "\n" }),
	}
}

// exchanged returns the parts with two of them in each other's place.
func exchanged(parts []string, i, j int) []string {
	parts = slices.Clone(parts)
	parts[i], parts[j] = parts[j], parts[i]
	return parts
}

// rareLayouts are the lines in any order, with anything between them, or without one of them.
func rareLayouts() []mistake[messageV3] {
	var list []mistake[messageV3]
	for _, with := range []string{"\r", " ", "", ",", "&", "|", ";", "\t", "\n\n", "<br>", "%0A", `\r\n`, "\u2028"} {
		list = append(list, layoutMistake("v3-separator", bilingual.Text{}, ended(with)),
			layoutMistake("v3-separator", bilingual.Text{}, func(parts []string) string { return strings.Join(parts, with) }))
	}
	list = append(list,
		layoutMistake("v3-crlf", bilingual.Text{}, func(parts []string) string { return strings.Join(parts, "\r\n") }),
		layoutMistake("v3-backslash-n", bilingual.Text{}, func(parts []string) string { return strings.Join(parts, `\n`) }),
		layoutMistake("v3-last-line-feed", bilingual.New("there is a line feed before the first line", "第一行前多了一个换行符"),
			func(parts []string) string { return "\n" + ended("\n")(parts) }))
	for i, name := range []bilingual.Text{
		bilingual.New("the line of the method is missing", "缺少请求方法那一行"), bilingual.New("the line of the URL is missing", "缺少 URL 那一行"),
		bilingual.New("the line of the timestamp is missing", "缺少 timestamp 那一行"),
		bilingual.New("the line of the nonce_str is missing", "缺少 nonce_str 那一行"),
	} {
		list = append(list, layoutMistake("v3-line-missing", name, func(parts []string) string {
			return ended("\n")(slices.Delete(slices.Clone(parts), i, i+1))
		}))
	}
	for order := range orders(lineBody + 1) {
		list = append(list, layoutMistake("v3-lines-swapped", bilingual.Text{}, func(parts []string) string {
			turned := make([]string, len(parts))
			for i, from := range order {
				turned[i] = parts[from]
			}
			return ended("\n")(turned)
		}))
	}
	return list
}
