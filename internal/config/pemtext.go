package config

import (
	"encoding/base64"
	"encoding/pem"
	"strings"
	"unicode"

	"cloudpay/internal/bilingual"
)

// The marks of a block, without the spaces and types that follow.
const (
	pemStart = "-----BEGIN"
	pemEnd   = "-----END"
	hyphens  = "-----"

	// maxPEMLabel is far longer than "ENCRYPTED PRIVATE KEY".
	maxPEMLabel = 64
)

// DecodePEM returns the PEM blocks of a text, in any form that consoles, shells, JSON and YAML
// leave of its line breaks: intact, as spaces, as \n, \r\n or \\n spelt out, or missing; with
// quotes around it, indented, after a byte order mark. Text outside the blocks is ignored.
//
// The error describes the fault so that it continues a variable's name, and never quotes the text.
func DecodePEM(text string) ([]*pem.Block, error) {
	// The byte order marks of UTF-16.
	if strings.HasPrefix(text, "\xff\xfe") || strings.HasPrefix(text, "\xfe\xff") {
		return nil, bilingual.Errorf("is text in UTF-16, as PowerShell writes it: save it as UTF-8",
			"是 UTF-16 文本（PowerShell 的写法），请存为 UTF-8")
	}
	var blocks []*pem.Block
	for {
		_, rest, found := strings.Cut(text, pemStart)
		if !found {
			break
		}
		block, after, err := cutBlock(rest)
		if err != nil {
			return nil, err
		}
		blocks, text = append(blocks, block), after
	}
	switch {
	case len(blocks) > 0:
		return blocks, nil
	case strings.Contains(text, "BEGIN"):
		return nil, bilingual.Errorf("has a BEGIN line that does not start with -----BEGIN, five hyphens",
			"其 BEGIN 行不是以 -----BEGIN（五个连字符）开头")
	}
	return nil, bilingual.Errorf("has no BEGIN line, so it is not PEM", "没有 BEGIN 行，不是 PEM")
}

// cutBlock decodes the block whose BEGIN has just been cut off. after is the text behind it.
func cutBlock(text string) (block *pem.Block, after string, err error) {
	label, text, found := strings.Cut(text, hyphens)
	kind, known := pemLabel(label)
	if !found || !known {
		return nil, "", bilingual.Errorf("has a BEGIN line that does not end in five hyphens", "其 BEGIN 行不是以五个连字符结尾")
	}
	body, text, found := strings.Cut(text, pemEnd)
	switch {
	case !found:
		return nil, "", bilingual.Errorf("has a BEGIN line and no END line: its end was cut off", "有 BEGIN 行而没有 END 行：结尾被截断")
	case strings.Contains(body, pemStart):
		return nil, "", bilingual.Errorf("has a BEGIN line after another, and no END line between", "两个 BEGIN 行之间没有 END 行")
	}
	label, after, found = strings.Cut(text, hyphens)
	end, known := pemLabel(label)
	switch {
	case !found || !known:
		return nil, "", bilingual.Errorf("has an END line that does not end in five hyphens: its end was cut off",
			"其 END 行不是以五个连字符结尾：结尾被截断")
	case end != kind:
		return nil, "", bilingual.Errorf("has a BEGIN line and an END line of different kinds", "其 BEGIN 行与 END 行类型不同")
	}
	block, err = decodeBody(kind, body)
	return block, after, err
}

// pemLabel is the type between BEGIN and the hyphens. known is false if the text cannot be one. The
// spaces of the types in use here may be missing.
func pemLabel(text string) (label string, known bool) {
	label = strings.Join(strings.Fields(text), " ")
	for _, blocks := range [...]map[string]Fault{privateKeyBlocks, publicKeyBlocks} {
		for kind := range blocks {
			if strings.ReplaceAll(kind, " ", "") == strings.ReplaceAll(label, " ", "") {
				return kind, true
			}
		}
	}
	isOfLabel := func(r rune) bool { return r == ' ' || '0' <= r && r <= '9' || 'A' <= r && r <= 'Z' }
	return label, label != "" && len(label) <= maxPEMLabel && strings.TrimFunc(label, isOfLabel) == ""
}

// decodeBody decodes the text between the two lines. It tries the standard decoder first; only a
// damaged body is repaired.
func decodeBody(label, body string) (*pem.Block, error) {
	whole, _ := pem.Decode([]byte(pemStart + " " + label + hyphens + body + pemEnd + " " + label + hyphens))
	switch {
	case whole != nil && len(whole.Bytes) > 0:
		return whole, nil
	// An encrypted key in the traditional form: its headers are part of the body. It cannot be
	// used, but the caller must be able to say so.
	case strings.Contains(body, "Proc-Type:") && strings.Contains(body, "ENCRYPTED"):
		return &pem.Block{Type: label, Headers: map[string]string{procType: procEncrypted}}, nil
	}
	// The line breaks are damaged: only the base64 digits count.
	digits, bad := base64Digits(withoutConcatenation(body))
	switch {
	case bad > 0:
		return nil, bilingual.Errorf("has a character that is not base64's between its BEGIN and END lines, at position %d after BEGIN",
			"其 BEGIN 与 END 行之间有 base64 以外的字符（BEGIN 之后第 %d 个）", bad)
	case digits == "":
		return nil, bilingual.Errorf("has nothing between its BEGIN and END lines", "其 BEGIN 与 END 行之间没有内容")
	}
	der, err := base64.StdEncoding.DecodeString(digits)
	if err != nil {
		return nil, bilingual.Errorf("has %d characters of base64 between its BEGIN and END lines, which do not decode: "+
			"some were cut off, or each + became a space",
			"其 BEGIN 与 END 行之间有 %d 个 base64 字符，无法解码：有字符缺失，或 + 变成了空格", len(digits))
	}
	return &pem.Block{Type: label, Bytes: der}, nil
}

// withoutConcatenation removes the plus signs that source code has between two strings, such as the
// lines of a key: "…" + "…". Every other plus sign is a digit of base64.
func withoutConcatenation(text string) string {
	parts := strings.Split(text, "+")
	var b strings.Builder
	for i, part := range parts {
		b.WriteString(part)
		if i+1 < len(parts) && !isConcatenation(part, parts[i+1]) {
			b.WriteByte('+')
		}
	}
	return b.String()
}

// isConcatenation reports whether a plus sign between the two stands between quotation marks.
func isConcatenation(before, after string) bool {
	before = strings.TrimRightFunc(before, unicode.IsSpace)
	after = strings.TrimLeftFunc(after, unicode.IsSpace)
	const quotes = `"'`
	return before != "" && after != "" &&
		strings.IndexByte(quotes, before[len(before)-1]) >= 0 && strings.IndexByte(quotes, after[0]) >= 0
}

// base64Digits removes the remains of line breaks, and what surrounds lines. bad is the position,
// from 1, of the first character that is neither one of these nor base64; 0 if there is none.
func base64Digits(text string) (digits string, bad int) {
	var kept strings.Builder
	escaped := false
	for i, r := range []rune(text) {
		switch {
		// A backslash may stand before n, r or t, and be doubled by each level of quoting.
		case r == '\\':
			escaped = true
			continue
		case escaped && strings.ContainsRune("nrt", r):
		case unicode.IsSpace(r), strings.ContainsRune("\"'\uFEFF\u200B", r):
		case isBase64(r) && !escaped:
			kept.WriteRune(r)
		default:
			return "", i + 1
		}
		escaped = false
	}
	return kept.String(), 0
}

// isBase64 accepts padding anywhere; decoding refuses it in the wrong place.
func isBase64(r rune) bool {
	return '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || strings.ContainsRune("+/=", r)
}
