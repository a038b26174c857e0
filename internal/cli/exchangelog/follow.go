package exchangelog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/emulator/traffic"
)

// maxEvent is the most bytes of an answer, or of one event of a stream.
const maxEvent = 64 << 20

// Source is a running emulator.
type Source struct {
	CloudURL string // has the calls; empty for WeChat Pay alone
	AdminURL string // WeChat Pay's management API, which has the requests
}

// History shows the last calls that a query selects, and the requests of their time that no call
// caused, oldest first.
func History(ctx context.Context, from Source, q traffic.Query, show func(*traffic.Call, *traffic.Request)) error {
	calls, err := from.calls(ctx, q)
	if err != nil {
		return err
	}
	requests, err := from.requests(ctx, q)
	if err != nil {
		return err
	}
	for _, one := range merge(calls, requests, q.Limit) {
		show(one.call, one.request)
	}
	return nil
}

// entry is a call or a request.
type entry struct {
	at      time.Time
	call    *traffic.Call
	request *traffic.Request
}

// merge sorts both by time, and keeps the last of them. Requests have whole seconds, so that one of
// the same second comes first.
func merge(calls []traffic.Call, requests []traffic.Request, most int) []entry {
	var all []entry
	for i := range requests {
		all = append(all, entry{at: requests[i].Time, request: &requests[i]})
	}
	for i := range calls {
		all = append(all, entry{at: calls[i].Time, call: &calls[i]})
	}
	slices.SortStableFunc(all, func(a, b entry) int { return a.at.Compare(b.at) })
	if most > 0 && len(all) > most {
		all = all[len(all)-most:]
	}
	return all
}

// calls reads the last calls.
func (s Source) calls(ctx context.Context, q traffic.Query) ([]traffic.Call, error) {
	if s.CloudURL == "" {
		return nil, nil
	}
	var page traffic.Page
	err := get(ctx, s.CloudURL+"/v1/calls?"+q.Values().Encode(), &page)
	return page.Calls, err
}

// requests reads the last requests that no call caused.
func (s Source) requests(ctx context.Context, q traffic.Query) ([]traffic.Request, error) {
	var all []traffic.Request
	if err := get(ctx, s.AdminURL+"/requests?"+requestQuery(q).Encode(), &all); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(r traffic.Request) bool { return r.Call != "" || !q.MatchesRequest(r) }), nil
}

// requestQuery is what the gateway filters itself.
func requestQuery(q traffic.Query) url.Values {
	values := url.Values{}
	if q.OutTradeNo != "" {
		values.Set("order", q.OutTradeNo)
	}
	return values
}

// Follow shows calls and requests as they come, until ctx ends, which is no error. The error is
// that of an emulator that is not there, or ended.
func Follow(ctx context.Context, from Source, q traffic.Query, show func(*traffic.Call, *traffic.Request)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	q.After, q.Limit = 0, 0
	events, ends := make(chan entry), make(chan error, 2)
	go func() {
		ends <- stream(ctx, from.AdminURL+"/requests/stream?"+requestQuery(q).Encode(), func(data []byte) error {
			var r traffic.Request
			if err := json.Unmarshal(data, &r); err != nil || r.Verdict == "" || r.Call != "" || !q.MatchesRequest(r) {
				return err // another event, or a request that is shown with its call
			}
			return send(ctx, events, entry{request: &r})
		})
	}()
	if from.CloudURL != "" {
		go func() {
			ends <- stream(ctx, from.CloudURL+"/v1/calls/stream?"+q.Values().Encode(), func(data []byte) error {
				var c traffic.Call
				if err := json.Unmarshal(data, &c); err != nil || c.Via == "" {
					return err // another event
				}
				return send(ctx, events, entry{call: &c})
			})
		}()
	}
	for {
		select {
		case one := <-events:
			show(one.call, one.request)
		case <-ctx.Done():
			return nil
		case err := <-ends:
			if ctx.Err() != nil {
				return nil
			}
			return err
		}
	}
}

func send(ctx context.Context, events chan<- entry, one entry) error {
	select {
	case events <- one:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// stream reads server-sent events until ctx ends or the emulator is gone.
func stream(ctx context.Context, address string, event func(data []byte) error) error {
	response, err := request(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	lines := bufio.NewScanner(response.Body)
	lines.Buffer(nil, maxEvent)
	for lines.Scan() {
		data, is := bytes.CutPrefix(lines.Bytes(), []byte("data: "))
		if !is {
			continue
		}
		if err := event(data); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return bilingual.Errorf("the emulator ended: %w", "模拟器已结束：%w", err)
	}
	return bilingual.Errorf("the emulator ended", "模拟器已结束")
}

// get reads a JSON document.
func get(ctx context.Context, address string, into any) error {
	response, err := request(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	err = json.NewDecoder(io.LimitReader(response.Body, maxEvent)).Decode(into)
	if err != nil {
		return bilingual.Errorf("reading the emulator's answer: %w", "读取模拟器的应答：%w", err)
	}
	return nil
}

// request sends a GET. The error has what the emulator says instead of an answer.
func request(ctx context.Context, address string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, bilingual.Errorf("asking the emulator: %w", "询问模拟器：%w", err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, bilingual.Errorf("asking the emulator: is it still running? %w", "询问模拟器：它还在运行吗？%w", err)
	}
	if response.StatusCode == http.StatusOK {
		return response, nil
	}
	text, _ := io.ReadAll(io.LimitReader(response.Body, 4<<10)) // as much as arrived
	_ = response.Body.Close()
	said := strings.TrimSpace(fmt.Sprintf("%d %s", response.StatusCode, text))
	return nil, bilingual.Errorf("the emulator refuses: %s", "模拟器拒绝：%s", said)
}
