//go:build sqlite

package app_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// clsAlarm is a request of CLS's CreateAlarm, of which docs/alarms/cls.json has a list.
// https://cloud.tencent.com/document/product/614/56466
type clsAlarm struct {
	Name         string
	AlarmTargets []struct {
		LogsetID, TopicID, Query       string
		Number, SyntaxRule             int
		StartTimeOffset, EndTimeOffset int
	}
	MonitorTime struct {
		Type string
		Time int
	}
	Condition       string
	AlarmLevel      int
	TriggerCount    int
	AlarmPeriod     int
	AlarmNoticeIds  []string
	MessageTemplate string

	// searches are the conditions of the AlarmTargets.
	searches []clsSearch
	inARow   int
}

func clsRules(t *testing.T) []alarmRule {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(string(readAlarms(t, "cls.json"))))
	decoder.DisallowUnknownFields()
	var alarms []*clsAlarm
	if err := decoder.Decode(&alarms); err != nil {
		t.Fatal(err)
	}
	var rules []alarmRule
	for _, a := range alarms {
		for i, target := range a.AlarmTargets {
			condition, sql, _ := strings.Cut(target.Query, "|")
			if strings.TrimSpace(sql) != "select count(*) as n" || target.SyntaxRule != 1 || target.Number != i+1 ||
				a.MonitorTime.Type != "Period" || target.EndTimeOffset != 0 || a.TriggerCount < 1 {
				t.Fatalf("%s: got %+v, want counts in CQL over the minutes before", a.Name, a)
			}
			a.searches = append(a.searches, parseCLS(t, condition))
		}
		rules = append(rules, a)
	}
	return rules
}

func (a *clsAlarm) name() string { return strings.TrimPrefix(a.Name, "cloudpay-") }

func (a *clsAlarm) fires(l *alarmLog) bool {
	if (l.now+1)%a.MonitorTime.Time != 0 {
		return a.inARow >= a.TriggerCount // as it was found last
	}
	a.inARow++
	for comparison := range strings.SplitSeq(a.Condition, " && ") {
		parts := clsComparison.FindStringSubmatch(comparison)
		if parts == nil {
			panic("the condition " + a.Condition + " is not known here")
		}
		target, _ := strconv.Atoi(parts[1])
		if !compares(float64(a.count(target-1, l)), strings.Replace(parts[2], "==", "=", 1)) {
			a.inARow = 0
		}
	}
	return a.inARow >= a.TriggerCount
}

// clsComparison is a comparison of a target's count.
var clsComparison = regexp.MustCompile(`^\$(\d)\.n ((?:>|==) \d+)$`)

// count is what a target's query counts.
func (a *clsAlarm) count(target int, l *alarmLog) int {
	n, from := 0, a.AlarmTargets[target].StartTimeOffset
	for _, line := range l.within(-from) {
		if a.searches[target](clsFields(line.fields)) {
			n++
		}
	}
	for _, i := range l.invocations {
		platform := map[string]any{"SCF_Type": "Platform", "SCF_StatusCode": 200.0}
		if i.failed {
			platform["SCF_StatusCode"] = 430.0
		}
		if i.minute > l.now+from && a.searches[target](platform) {
			n++
		}
	}
	return n
}

// clsFields are the fields that SCF delivers of a line of JSON: numbers and texts of the first
// level. https://cloud.tencent.com/document/product/583/18032
func clsFields(all map[string]any) map[string]any {
	fields := map[string]any{}
	for key, value := range all {
		switch value.(type) {
		case float64, string:
			fields[key] = value
		}
	}
	return fields
}

// clsSearch is a search condition: whether it finds a line with these fields.
type clsSearch func(fields map[string]any) bool

// clsToken is a parenthesis, an operator, or a field with what is looked for in it.
var clsToken = regexp.MustCompile(`^\s*(?:([()])|(AND|OR|NOT)\b|(\w+):(\*|"[^"]*"|(?:>=|<=|>|<|=)-?[0-9.]+))`)

// clsParser parses what our rules use of CQL.
// https://cloud.tencent.com/document/product/614/47044
type clsParser struct {
	tokens [][]string
}

func parseCLS(t *testing.T, text string) clsSearch {
	t.Helper()
	p := &clsParser{clsTokens(t, text)}
	search := p.or()
	if len(p.tokens) > 0 {
		t.Fatalf("%s: %q is left over", text, p.tokens)
	}
	return search
}

// clsKeys are the fields that a query looks at.
func clsKeys(t *testing.T, query string) []string {
	t.Helper()
	var keys []string
	condition, _, _ := strings.Cut(query, "|")
	for _, token := range clsTokens(t, condition) {
		if token[3] != "" {
			keys = append(keys, token[3])
		}
	}
	return keys
}

func clsTokens(t *testing.T, text string) [][]string {
	t.Helper()
	var tokens [][]string
	for rest := strings.TrimSpace(text); rest != ""; {
		token := clsToken.FindStringSubmatch(rest)
		if token == nil {
			t.Fatalf("%s: %q is not known here", text, rest)
		}
		tokens = append(tokens, token)
		rest = strings.TrimSpace(rest[len(token[0]):])
	}
	return tokens
}

// take takes the next token if it is this parenthesis or operator.
func (p *clsParser) take(word string) bool {
	if len(p.tokens) == 0 || p.tokens[0][1] != word && p.tokens[0][2] != word {
		return false
	}
	p.tokens = p.tokens[1:]
	return true
}

func (p *clsParser) or() clsSearch {
	left := p.and()
	for p.take("OR") {
		a, b := left, p.and()
		left = func(f map[string]any) bool { return a(f) || b(f) }
	}
	return left
}

func (p *clsParser) and() clsSearch {
	left := p.not()
	for p.take("AND") {
		a, b := left, p.not()
		left = func(f map[string]any) bool { return a(f) && b(f) }
	}
	return left
}

func (p *clsParser) not() clsSearch {
	switch {
	case p.take("NOT"):
		search := p.not()
		return func(f map[string]any) bool { return !search(f) }
	case p.take("("):
		search := p.or()
		if !p.take(")") {
			panic("a parenthesis is not closed")
		}
		return search
	}
	key, value := p.tokens[0][3], p.tokens[0][4]
	p.tokens = p.tokens[1:]
	return func(f map[string]any) bool { return clsHas(f[key], value) }
}

// clsHas reports whether a field has what is looked for. A text has a phrase if it has its words
// in a row: "sweep" is found in "the next sweep goes on".
func clsHas(field any, value string) bool {
	if field == nil || value == "*" {
		return field != nil
	}
	if phrase, is := strings.CutPrefix(value, `"`); is {
		return containsInRow(clsWords(fmt.Sprint(field)), clsWords(strings.TrimSuffix(phrase, `"`)))
	}
	number, is := field.(float64)
	return is && compares(number, value)
}

// clsWords are the words of a text by the separators that CLS's console proposes.
func clsWords(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune("@&?|#()='\",;:<>[]{}/ \n\t\r", r) })
}

func containsInRow(words, phrase []string) bool {
	for i := range words {
		if i+len(phrase) <= len(words) && slices.Equal(words[i:i+len(phrase)], phrase) {
			return true
		}
	}
	return false
}

// compares reports whether a number is as an operator with another number says.
func compares(number float64, comparison string) bool {
	operator := strings.TrimRight(comparison, "-.0123456789 ")
	than, err := strconv.ParseFloat(strings.TrimSpace(comparison[len(operator):]), 64)
	if err != nil {
		panic(err)
	}
	switch strings.TrimSpace(operator) {
	case ">":
		return number > than
	case ">=":
		return number >= than
	case "<":
		return number < than
	case "<=":
		return number <= than
	case "!=":
		return number != than
	}
	return number == than
}
