// Package cron says when the timers of the clouds fire.
//
// Tencent SCF and CloudBase (SCF doc 583/9708) have seven fields, in UTC+8:
//
//	second minute hour day month weekday year     0 */5 * * * * *     every five minutes
//
// Names such as MON-FRI and JAN may stand for numbers; weekday 0 is Sunday. A day and a weekday
// that are both restricted mean either of them. The five fields of older consoles, minute to
// weekday, are accepted too.
//
// Amazon EventBridge (docs.aws.amazon.com/eventbridge, "eb-scheduled-rule-pattern") has six
// fields, in UTC, or a rate:
//
//	cron(minutes hours day month weekday year)    cron(0 12 * * ? *)  at noon
//	rate(5 minutes)
//
// Weekday 1 is Sunday there, and one of day and weekday must be a question mark. AWS counts a rate
// from the rule's creation. Here it is counted from 1970 in UTC, so that a restart of the emulator
// does not move it.
package cron

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/adhocore/gronx"

	"cloudpay/internal/bilingual"
)

// Schedule is when a timer fires. The zero value never fires.
type Schedule struct {
	expression string // in gronx's form, seven fields; empty: interval counts
	zone       *time.Location
	interval   time.Duration
}

// China is the zone of SCF's timers. It has had no daylight saving time since 1991, and needs no
// time zone database.
func China() *time.Location { return time.FixedZone("UTC+8", 8*60*60) }

// SCF reads a timer's expression of SCF and CloudBase. The error names each field that is wrong.
func SCF(expression string) (Schedule, error) {
	fields := strings.Fields(strings.ToUpper(expression))
	const legacy, full = 5, 7
	switch len(fields) {
	case legacy:
		fields = append(append([]string{"0"}, fields...), "*")
	case full:
	default:
		return Schedule{}, bilingual.Errorf(
			"%q has %d fields and not the seven of second, minute, hour, day, month, weekday, year",
			"%q 有 %d 个字段，而不是秒、分、时、日、月、星期、年七个", expression, len(fields))
	}
	return newSchedule(expression, fields, scfFields, China())
}

// AWS reads EventBridge's cron(…) or rate(…). zone is that of a cron expression; nil is UTC.
func AWS(expression string, zone *time.Location) (Schedule, error) {
	if zone == nil {
		zone = time.UTC
	}
	text := strings.TrimSpace(expression)
	if rate := rateForm.FindStringSubmatch(text); rate != nil {
		return newRate(expression, rate[1], rate[2])
	}
	inner, is := strings.CutPrefix(text, "cron(")
	inner, ends := strings.CutSuffix(inner, ")")
	if !is || !ends {
		return Schedule{}, bilingual.Errorf("%q is neither cron(…) nor rate(…)", "%q 既不是 cron(…)，也不是 rate(…)", expression)
	}
	fields := strings.Fields(strings.ToUpper(inner))
	const wanted = 6
	if len(fields) != wanted {
		return Schedule{}, bilingual.Errorf("%q has %d fields and not the six of minutes, hours, day, month, weekday, year",
			"%q 有 %d 个字段，而不是分、时、日、月、星期、年六个", expression, len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return Schedule{}, bilingual.Errorf("%q: one of day and weekday, and not both, must be ?",
			"%q：日与星期须恰有一个为 ?", expression)
	}
	return newSchedule(expression, append([]string{"0"}, fields...), awsFields, zone)
}

// rateForm matches rate(5 minutes).
var rateForm = regexp.MustCompile(`^rate\(\s*(\d{1,7})\s+(minutes?|hours?|days?)\s*\)$`)

// newRate is the schedule of a rate. AWS wants the unit in the singular for 1 and in the plural for
// more, and refuses 0.
func newRate(expression, count, unit string) (Schedule, error) {
	number, err := strconv.Atoi(count)
	units := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}
	singular := strings.TrimSuffix(unit, "s")
	if err != nil || number < 1 || (number == 1) != (unit == singular) {
		return Schedule{}, bilingual.Errorf("%q: a rate is 1 minute, hour or day, or several minutes, hours or days",
			"%q：频率须为 1 minute、hour、day，或多个 minutes、hours、days", expression)
	}
	return Schedule{interval: time.Duration(number) * units[singular]}, nil
}

// newSchedule checks the fields and puts them into gronx's form.
func newSchedule(expression string, given []string, fields []field, zone *time.Location) (Schedule, error) {
	for i, f := range fields {
		text, err := f.read(given[i])
		if err != nil {
			return Schedule{}, bilingual.Errorf("%q: the %s field: %w", "%q：%s 字段：%w", expression, f.name, err)
		}
		given[i] = text
	}
	return Schedule{expression: strings.Join(given, " "), zone: zone}, nil
}

// Next is the first moment after a time at which the timer fires; the zero time if it never does.
func (s Schedule) Next(after time.Time) time.Time {
	if s.interval > 0 {
		since := after.Sub(time.Unix(0, 0))
		return time.Unix(0, 0).Add(since - since%s.interval + s.interval).UTC()
	}
	if s.expression == "" {
		return time.Time{}
	}
	next, err := gronx.NextTickAfter(s.expression, after.In(s.zone), false)
	if err != nil || !next.After(after) {
		return time.Time{} // its last year is over
	}
	return next.UTC()
}

// field is the form of one field of an expression.
type field struct {
	name      bilingual.Text
	low, high int
	names     string // three letters each, the first for low; empty: none
	marks     string // letters that the field takes besides: ? L W #
	shift     int    // added to each number for gronx, which counts weekdays from 0
}

const (
	months   = "JANFEBMARAPRMAYJUNJULAUGSEPOCTNOVDEC"
	weekdays = "SUNMONTUEWEDTHUFRISAT"
)

// The fields that both clouds have alike.
var (
	second = field{name: bilingual.New("second", "秒"), high: 59}
	minute = field{name: bilingual.New("minute", "分"), high: 59}
	hour   = field{name: bilingual.New("hour", "时"), high: 23}
	day    = field{name: bilingual.New("day", "日"), low: 1, high: 31, marks: "?LW"}
	month  = field{name: bilingual.New("month", "月"), low: 1, high: 12, names: months}
)

// scfFields and awsFields are the fields of each cloud. AWS has no seconds; its expressions get a
// 0.
var (
	scfFields = []field{
		second, minute, hour, day, month,
		{name: bilingual.New("weekday", "星期"), high: 6, names: weekdays, marks: "?L#"},
		{name: bilingual.New("year", "年"), low: 1970, high: 2099},
	}
	awsFields = []field{
		second, minute, hour, day, month,
		{name: bilingual.New("weekday", "星期"), low: 1, high: 7, names: weekdays, marks: "?L#", shift: -1},
		{name: bilingual.New("year", "年"), low: 1970, high: 2199},
	}
)

// item matches one item of a field's list: *, ?, L, 5, 1-5, each with a step; 5L, 15W, 5#3.
var item = regexp.MustCompile(`^(\*|\?|L|([0-9]+|[A-Z]{3})(?:-([0-9]+|[A-Z]{3}))?)(?:/([0-9]+))?(L|W|#[1-5])?$`)

// read returns the field in gronx's form.
func (f field) read(text string) (string, error) {
	var items []string
	for part := range strings.SplitSeq(text, ",") {
		found := item.FindStringSubmatch(part)
		if found == nil || !f.takes(found[1], found[5]) {
			return "", bilingual.Errorf("%q is no value of it", "%q 不是它的取值", part)
		}
		base, err := f.base(found[1], found[2], found[3])
		if err == nil && found[4] != "" {
			base, err = f.step(base, found[4])
		}
		if err != nil {
			return "", err
		}
		items = append(items, base+found[5])
	}
	return strings.Join(items, ","), nil
}

// takes reports whether the field has the marks of an item.
func (f field) takes(base, suffix string) bool {
	if base == "?" || base == "L" {
		return strings.Contains(f.marks, base) && suffix == ""
	}
	return suffix == "" || base != "*" && strings.Contains(f.marks, suffix[:1])
}

// base is an item without its step. L alone is the last day of the month, and of the week Saturday.
func (f field) base(text, first, last string) (string, error) {
	switch {
	case text == "L" && f.names != "":
		return "6", nil
	case first == "":
		return text, nil
	}
	low, err := f.number(first)
	if err != nil || last == "" {
		return strconv.Itoa(low + f.shift), err
	}
	high, err := f.number(last)
	if err == nil && high < low {
		err = bilingual.Errorf("%s ends before it begins", "%s 的终点早于起点", text)
	}
	return fmt.Sprintf("%d-%d", low+f.shift, high+f.shift), err
}

// step adds a step to an item. 5/10 means from 5 on.
func (f field) step(base, text string) (string, error) {
	step, err := strconv.Atoi(text)
	if err != nil || step < 1 || step > f.high {
		return "", bilingual.Errorf("a step of %s is not 1 to %d", "步长 %s 不在 1 至 %d 之间", text, f.high)
	}
	if _, err := strconv.Atoi(base); err == nil {
		base = fmt.Sprintf("%s-%d", base, f.high+f.shift)
	}
	return base + "/" + text, nil
}

// number is one value, which may be a name.
func (f field) number(text string) (int, error) {
	if at := strings.Index(f.names, text); f.names != "" && at >= 0 && at%3 == 0 && len(text) == 3 {
		return at/3 + f.low, nil
	}
	number, err := strconv.Atoi(text)
	if err != nil || number < f.low || number > f.high {
		return 0, bilingual.Errorf("%s is not %d to %d", "%s 不在 %d 至 %d 之间", text, f.low, f.high)
	}
	return number, nil
}
