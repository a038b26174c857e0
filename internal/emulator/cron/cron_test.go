package cron_test

import (
	"strings"
	"testing"
	"time"

	"cloudpay/internal/emulator/cron"
)

// moment reads a time of the tables below, in UTC+8 or in UTC.
func moment(t *testing.T, text string, zone *time.Location) time.Time {
	t.Helper()
	at, err := time.ParseInLocation("2006-01-02 15:04:05", text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// wantNext checks the first firings after a moment.
func wantNext(t *testing.T, s cron.Schedule, zone *time.Location, after string, want ...string) {
	t.Helper()
	at := moment(t, after, zone)
	for _, next := range want {
		at = s.Next(at)
		if next == "never" {
			if !at.IsZero() {
				t.Errorf("got %s, want that it never fires again", at.In(zone))
			}
			return
		}
		if !at.Equal(moment(t, next, zone)) {
			t.Fatalf("after %s: got %s, want %s", after, at.In(zone).Format(time.DateTime), next)
		}
	}
}

// The examples of SCF's document come first (583/9708), then what its fields may hold.
func TestSCF(t *testing.T) {
	t.Parallel()
	for expression, test := range map[string]struct {
		after string
		want  []string
	}{
		"*/5 * * * * * *":       {"2026-11-29 10:00:00", []string{"2026-11-29 10:00:05", "2026-11-29 10:00:10"}},
		"0 15 10 1 * * *":       {"2026-11-29 10:00:00", []string{"2026-12-01 10:15:00", "2027-01-01 10:15:00"}},
		"0 15 10 * * MON-FRI *": {"2026-11-27 10:15:00", []string{"2026-11-30 10:15:00", "2026-12-01 10:15:00"}}, // a Friday
		"0 */5 * * * * *":       {"2026-11-29 10:04:59", []string{"2026-11-29 10:05:00", "2026-11-29 10:10:00"}},
		"0 * * * * * *":         {"2026-11-29 10:00:00", []string{"2026-11-29 10:01:00"}},
		"30 */5 * * * * *":      {"2026-11-29 10:00:30", []string{"2026-11-29 10:05:30"}},
		"0 0 10,14,16 * * * *":  {"2026-11-29 10:00:00", []string{"2026-11-29 14:00:00", "2026-11-29 16:00:00", "2026-11-30 10:00:00"}},
		"0 */30 9-17 * * * *":   {"2026-11-29 17:00:00", []string{"2026-11-29 17:30:00", "2026-11-30 09:00:00"}},
		"0 0 12 * * WED *":      {"2026-11-29 00:00:00", []string{"2026-12-02 12:00:00"}},
		"0 0 0 1 JAN * *":       {"2026-11-29 00:00:00", []string{"2027-01-01 00:00:00", "2028-01-01 00:00:00"}},
		"0 0 0 L * ? *":         {"2027-02-01 00:00:00", []string{"2027-02-28 00:00:00", "2027-03-31 00:00:00"}},
		"0 0 0 ? * 0 *":         {"2026-11-28 00:00:00", []string{"2026-11-29 00:00:00", "2026-12-06 00:00:00"}}, // 0 is Sunday
		"0 0 0 ? * FRI#3 *":     {"2026-11-29 00:00:00", []string{"2026-12-18 00:00:00"}},
		"0 0 0 31 * * *":        {"2026-11-29 00:00:00", []string{"2026-12-31 00:00:00", "2027-01-31 00:00:00", "2027-03-31 00:00:00"}},
		"0 0 0 29 2 * *":        {"2026-11-29 00:00:00", []string{"2028-02-29 00:00:00"}},
		"0 0 0 13 * FRI *":      {"2026-11-29 00:00:00", []string{"2026-12-04 00:00:00", "2026-12-11 00:00:00", "2026-12-13 00:00:00"}}, // either
		"0 0 0 1 1 * 2027":      {"2026-11-29 00:00:00", []string{"2027-01-01 00:00:00", "never"}},
		"0 0 0 1 1 * 2020":      {"2026-11-29 00:00:00", []string{"never"}},
		"*/5 * * * *":           {"2026-11-29 10:00:00", []string{"2026-11-29 10:05:00"}}, // five fields, from the minute on
		"0 5/20 * * * * *":      {"2026-11-29 10:00:00", []string{"2026-11-29 10:05:00", "2026-11-29 10:25:00", "2026-11-29 10:45:00", "2026-11-29 11:05:00"}},
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s, err := cron.SCF(expression)
			if err != nil {
				t.Fatal(err)
			}
			wantNext(t, s, cron.China(), test.after, test.want...)
		})
	}
}

// Eight in the morning in China is midnight in UTC.
func TestZone(t *testing.T) {
	t.Parallel()
	s, err := cron.SCF("0 0 8 * * * *")
	if err != nil {
		t.Fatal(err)
	}
	wantNext(t, s, time.UTC, "2026-11-29 00:00:01", "2026-11-30 00:00:00")
	berlin := time.FixedZone("UTC+1", 3600)
	if s, err = cron.AWS("cron(0 8 * * ? *)", berlin); err != nil {
		t.Fatal(err)
	}
	wantNext(t, s, time.UTC, "2026-11-29 00:00:00", "2026-11-29 07:00:00")
}

// The examples are those of EventBridge's document.
func TestAWS(t *testing.T) {
	t.Parallel()
	for expression, test := range map[string]struct {
		after string
		want  []string
	}{
		"cron(0 10 * * ? *)":          {"2026-11-29 10:00:00", []string{"2026-11-30 10:00:00"}},
		"cron(15 12 * * ? *)":         {"2026-11-29 10:00:00", []string{"2026-11-29 12:15:00"}},
		"cron(0 18 ? * MON-FRI *)":    {"2026-11-27 18:00:00", []string{"2026-11-30 18:00:00"}},
		"cron(0 8 1 * ? *)":           {"2026-11-29 10:00:00", []string{"2026-12-01 08:00:00"}},
		"cron(0/15 * * * ? *)":        {"2026-11-29 10:00:00", []string{"2026-11-29 10:15:00", "2026-11-29 10:30:00"}},
		"cron(0/10 * ? * MON-FRI *)":  {"2026-11-27 23:50:00", []string{"2026-11-30 00:00:00"}},
		"cron(0/5 8-17 ? * 2-6 *)":    {"2026-11-27 17:55:00", []string{"2026-11-30 08:00:00"}}, // 2 is Monday
		"cron(0 9 ? * 2#1 *)":         {"2026-11-29 00:00:00", []string{"2026-12-07 09:00:00"}}, // the first Monday
		"cron(0 9 ? * 6L *)":          {"2026-11-29 00:00:00", []string{"2026-12-25 09:00:00"}}, // the last Friday
		"cron(0 9 ? * 1 *)":           {"2026-11-28 00:00:00", []string{"2026-11-29 09:00:00"}}, // Sunday
		"cron(0 9 ? * L *)":           {"2026-11-29 00:00:00", []string{"2026-12-05 09:00:00"}}, // Saturday
		"cron(0 9 15W * ? *)":         {"2026-11-01 00:00:00", []string{"2026-11-16 09:00:00"}}, // the 15th is a Sunday
		"cron(0 9 1 1 ? 2026-2027)":   {"2026-11-29 00:00:00", []string{"2027-01-01 09:00:00", "never"}},
		"cron(0 9 1 jan,jul ? *)":     {"2026-11-29 00:00:00", []string{"2027-01-01 09:00:00", "2027-07-01 09:00:00"}},
		"rate(5 minutes)":             {"2026-11-29 10:00:01", []string{"2026-11-29 10:05:00", "2026-11-29 10:10:00"}},
		"rate(1 minute)":              {"2026-11-29 10:00:00", []string{"2026-11-29 10:01:00"}},
		"rate(12 hours)":              {"2026-11-29 10:00:00", []string{"2026-11-29 12:00:00", "2026-11-30 00:00:00"}},
		"rate(1 day)":                 {"2026-11-29 10:00:00", []string{"2026-11-30 00:00:00"}},
		"  rate( 1   hour )  ":        {"2026-11-29 10:00:00", []string{"2026-11-29 11:00:00"}},
		"cron(  0 10 * * ? * )":       {"2026-11-29 10:00:00", []string{"2026-11-30 10:00:00"}},
		"cron(30 4 ? * SUN,WED 2026)": {"2026-12-30 04:30:00", []string{"never"}},
	} {
		t.Run(expression, func(t *testing.T) {
			t.Parallel()
			s, err := cron.AWS(expression, nil)
			if err != nil {
				t.Fatal(err)
			}
			wantNext(t, s, time.UTC, test.after, test.want...)
		})
	}
}

// An expression that a cloud would refuse is refused, with the field that is wrong.
func TestRefusals(t *testing.T) {
	t.Parallel()
	scf := func(text string) error { _, err := cron.SCF(text); return err }
	aws := func(text string) error { _, err := cron.AWS(text, nil); return err }
	for name, test := range map[string]struct {
		read        func(string) error
		given, want string
	}{
		"no fields":        {scf, "", "has 0 fields"},
		"six fields":       {scf, "0 0 * * * *", "has 6 fields"},
		"a second too far": {scf, "60 * * * * * *", "the second field: 60 is not 0 to 59"},
		"an hour too far":  {scf, "0 0 24 * * * *", "the hour field: 24 is not 0 to 23"},
		"day 0":            {scf, "0 0 0 0 * * *", "the day field: 0 is not 1 to 31"},
		"month 13":         {scf, "0 0 0 1 13 * *", "the month field: 13 is not 1 to 12"},
		"weekday 7":        {scf, "0 0 0 * * 7 *", "the weekday field: 7 is not 0 to 6"},
		"a year too far":   {scf, "0 0 0 * * * 2100", "the year field: 2100 is not 1970 to 2099"},
		"a year too early": {scf, "0 0 0 * * * 1969", "the year field: 1969"},
		"a wrong name":     {scf, "0 0 0 * * MOM *", "the weekday field: MOM"},
		"a name elsewhere": {scf, "0 0 MON * * * *", "the hour field: MON"},
		"backwards":        {scf, "0 0 17-9 * * * *", "17-9 ends before it begins"},
		"step 0":           {scf, "0 */0 * * * * *", "a step of 0"},
		"an empty item":    {scf, "0 1,, * * * * *", `the minute field: "" is no value of it`},
		"? for an hour":    {scf, "0 0 ? * * * *", `the hour field: "?" is no value`},
		"W for a weekday":  {scf, "0 0 0 ? * 5W *", `the weekday field: "5W" is no value`},
		"no such week":     {scf, "0 0 0 ? * 5#6 *", `"5#6" is no value`},
		"nonsense":         {scf, "a b c d e f g", `the second field: "A" is no value`},
		"without cron()":   {aws, "0 10 * * ? *", "is neither cron(…) nor rate(…)"},
		"seven fields":     {aws, "cron(0 0 10 * * ? *)", "has 7 fields"},
		"no question mark": {aws, "cron(0 10 * * * *)", "must be ?"},
		"two of them":      {aws, "cron(0 10 ? * ? *)", "must be ?"},
		"weekday 0":        {aws, "cron(0 10 ? * 0 *)", "the weekday field: 0 is not 1 to 7"},
		"1 minutes":        {aws, "rate(1 minutes)", "a rate is 1 minute"},
		"5 minute":         {aws, "rate(5 minute)", "a rate is 1 minute"},
		"0 minutes":        {aws, "rate(0 minutes)", "a rate is 1 minute"},
		"seconds":          {aws, "rate(5 seconds)", "is neither cron(…) nor rate(…)"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := test.read(test.given); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

// The zero Schedule never fires.
func TestZero(t *testing.T) {
	t.Parallel()
	if got := (cron.Schedule{}).Next(time.Now()); !got.IsZero() {
		t.Errorf("got %v, want never", got)
	}
}

// FuzzSchedule finds no expression that is accepted and then fires at a moment that is not later.
func FuzzSchedule(f *testing.F) {
	for _, seed := range []string{
		"0 */5 * * * * *", "0 0 0 29 2 * *", "0 0 0 L * ? 2027", "0 0 0 31 2 ? *", "cron(0/15 8-17 ? * 2-6 *)", "rate(5 minutes)", "* * * * *",
	} {
		f.Add(seed, int64(1_795_331_104))
	}
	f.Fuzz(func(t *testing.T, expression string, at int64) {
		const first, last = 0, 4_000_000_000
		if at < first || at > last {
			return
		}
		after := time.Unix(at, 0)
		for _, read := range []func(string) (cron.Schedule, error){
			cron.SCF, func(text string) (cron.Schedule, error) { return cron.AWS(text, nil) },
		} {
			s, err := read(expression)
			if err != nil {
				continue
			}
			if next := s.Next(after); !next.IsZero() && !next.After(after) {
				t.Errorf("%q after %v: got %v", expression, after, next)
			}
		}
	})
}
