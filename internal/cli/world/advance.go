package world

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/desk"
)

// Moved is what came of moving a clock.
type Moved struct {
	// Now is the time by which orders are due, certificates expire and timers fire.
	Now time.Time
	// Timers are those that fired.
	Timers []Timer
	// Events are those that the event sink has received meanwhile.
	Events []Event
}

// Timer is a timer that fired.
type Timer struct {
	Function string `json:"function"`
	Name     string `json:"name"`
	Fired    int    `json:"fired"` // how often
	Last     struct {
		Status int    `json:"status"`
		Error  string `json:"error"`
	} `json:"last"` // what the last firing ended with
}

// Event is a delivery that the event sink has received.
type Event struct {
	ID      int64  `json:"id"`
	Verdict string `json:"verdict"`
	Event   struct {
		Kind  string `json:"kind"`
		Order string `json:"outTradeNo"`
	} `json:"event"`
}

// Advance moves the clock of the emulator that is described on, by a duration as the management API
// takes it (30m, 168h). When it returns, the timers that became due have fired.
func Advance(ctx context.Context, d desk.Description, by time.Duration) (Moved, error) {
	body, err := json.Marshal(map[string]string{"advance": by.String()})
	if err != nil {
		return Moved{}, bilingual.Errorf("encoding the duration: %w", "编码时长：%w", err)
	}
	before, err := timers(ctx, d, "")
	if err != nil {
		return Moved{}, err
	}
	last, err := events(ctx, d, 0)
	if err != nil {
		return Moved{}, err
	}
	var m Moved
	if m.Now, err = clock(ctx, d, http.MethodPost, body); err != nil {
		return Moved{}, err
	}
	if m.Timers, err = timers(ctx, d, "?wait=5m"); err != nil {
		return Moved{}, err
	}
	m.Timers = firedSince(before, m.Timers)
	from := int64(0)
	if len(last) > 0 {
		from = last[len(last)-1].ID
	}
	m.Events, err = events(ctx, d, from)
	return m, err
}

// firedSince leaves the timers that have fired more often than before, each with how often.
func firedSince(before, after []Timer) []Timer {
	var fired []Timer
	for _, t := range after {
		for _, b := range before {
			if b.Function == t.Function && b.Name == t.Name {
				t.Fired -= b.Fired
			}
		}
		if t.Fired > 0 {
			fired = append(fired, t)
		}
	}
	return fired
}

// Time returns the time of the emulator that is described.
func Time(ctx context.Context, d desk.Description) (time.Time, error) {
	return clock(ctx, d, http.MethodGet, nil)
}

// clock makes a request about the clock.
func clock(ctx context.Context, d desk.Description, method string, body []byte) (time.Time, error) {
	var c struct {
		Now time.Time `json:"now"`
	}
	if err := ask(ctx, method, d.AdminURL+"/clock", body, &c); err != nil {
		return time.Time{}, bilingual.Errorf("the emulator's clock: %w", "模拟器的时钟：%w", err)
	}
	return c.Now, nil
}

// timers lists the cloud's timers; none where there is no cloud.
func timers(ctx context.Context, d desk.Description, query string) ([]Timer, error) {
	if d.CloudURL == "" {
		return nil, nil
	}
	var list struct {
		Timers []Timer `json:"timers"`
	}
	if err := ask(ctx, http.MethodGet, d.CloudURL+"/v1/timers"+query, nil, &list); errors.Is(err, errNoSuchPath) {
		return nil, nil
	} else if err != nil {
		return nil, bilingual.Errorf("the emulator's timers: %w", "模拟器的定时器：%w", err)
	}
	return list.Timers, nil
}

// events lists what the event sink has received after a delivery; none where there is no sink.
func events(ctx context.Context, d desk.Description, after int64) ([]Event, error) {
	if d.EventsURL == "" {
		return nil, nil
	}
	var list []Event
	if err := ask(ctx, http.MethodGet, d.EventsURL+"/events?after="+strconv.FormatInt(after, 10), nil, &list); err != nil {
		return nil, bilingual.Errorf("the emulator's event sink: %w", "模拟器的事件接收器：%w", err)
	}
	return list, nil
}

// client follows no redirect: the emulator sends none.
var client = http.Client{
	CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
}

// errNoSuchPath is the answer of an emulator of another version.
var errNoSuchPath = bilingual.Errorf("it answers that there is no such path", "应答：没有该路径")

// ask makes a request to an emulator, and decodes the answer. A refusal is an error with the
// emulator's sentence.
func ask(ctx context.Context, method, url string, body []byte, answer any) error {
	request, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return bilingual.Errorf("the description has no address: %w", "说明中没有地址：%w", err)
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := client.Do(request)
	if err != nil {
		return bilingual.Errorf("is the emulator still running? %w", "模拟器还在运行吗？%w", err)
	}
	defer func() { _ = response.Body.Close() }()
	const maxAnswer = 64 << 20
	text, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return bilingual.Errorf("reading its answer: %w", "读取其应答：%w", err)
	}
	if response.StatusCode == http.StatusNotFound {
		return errNoSuchPath
	}
	if response.StatusCode >= http.StatusMultipleChoices {
		return bilingual.Errorf("it answers %d: %s", "应答 %d：%s", response.StatusCode, sentence(text))
	}
	if err := json.Unmarshal(text, answer); err != nil {
		return bilingual.Errorf("its answer cannot be read: %w", "无法读取其应答：%w", err)
	}
	return nil
}

// sentence is what a refusal says, in the form of either API or in another.
func sentence(text []byte) string {
	var refusal struct {
		Error   string `json:"error"`
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &refusal) != nil {
		return string(bytes.TrimSpace(text))
	}
	return cmp.Or(refusal.Error, refusal.Message, string(bytes.TrimSpace(text)))
}
