package exchangelog

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"time"

	"cloudpay/internal/bilingual"
	"cloudpay/internal/deadline"
	"cloudpay/internal/emulator/traffic"
)

// Pauses before a follower connects again. They double while no emulator is there.
const (
	shortestPause = 100 * time.Millisecond
	longestPause  = 3 * time.Second
)

// Follower shows what goes through an emulator as it happens, also through one that is started
// anew: each stream goes on behind the last entry that was shown. All fields are required.
type Follower struct {
	// Find says where the emulator is: a restarted one may have other ports.
	Find func() (Source, error)
	// Query selects what is shown. Its After and Limit count for nothing.
	Query traffic.Query
	// Show gets one entry at a time.
	Show func(Entry)
	// Say gets a sentence about the connection.
	Say func(bilingual.Text)

	mu   sync.Mutex        // held while something is shown
	seen map[string]string // :: stream → the last ID of it that was shown
}

// Run shows what comes until ctx ends, which is no error. The error is that of an emulator that is
// not there at the beginning.
func (f *Follower) Run(ctx context.Context) error {
	f.seen = map[string]string{}
	f.Query.After, f.Query.Limit = 0, 0
	feeds, err := f.open(ctx)
	if err != nil && ctx.Err() == nil {
		return err
	}
	for ctx.Err() == nil {
		f.read(ctx, feeds)
		feeds = f.openAgain(ctx)
	}
	return nil
}

// openAgain waits until an emulator is there again, and says so. It returns nil when ctx ends.
func (f *Follower) openAgain(ctx context.Context) []feed {
	if ctx.Err() != nil {
		return nil
	}
	f.Say(bilingual.New("the emulator ended; this goes on when it is started again (Ctrl-C ends it)",
		"模拟器已结束；再次启动后将继续（Ctrl-C 退出）"))
	for pause := shortestPause; deadline.Sleep(ctx, pause); pause = min(2*pause, longestPause) {
		if feeds, err := f.open(ctx); err == nil {
			f.Say(bilingual.New("the emulator serves again", "模拟器已恢复服务"))
			return feeds
		}
	}
	return nil
}

// feed is one open stream of server-sent events.
type feed struct {
	stream
	body io.ReadCloser
}

// stream is one of an emulator's streams.
type stream struct {
	name    string // of an entry, as the type of its event
	address string
	decode  func(data []byte, q traffic.Query) (Entry, bool, error)
}

// streams are those of an emulator.
func (s Source) streams(q traffic.Query) []stream {
	list := []stream{
		{"request", s.AdminURL + "/requests/stream?" + requestQuery(q).Encode(), decodeRequest},
		{"delivery", s.AdminURL + "/deliveries/stream?" + q.Values().Encode(), decodeDelivery},
	}
	if s.CloudURL != "" {
		list = append(list, stream{"call", s.CloudURL + "/v1/calls/stream?" + q.Values().Encode(), decodeCall})
	}
	return list
}

// decodeRequest reads a request. ok is false for one that is shown with its call, or not at all.
func decodeRequest(data []byte, q traffic.Query) (e Entry, ok bool, err error) {
	e.Request = &traffic.Request{}
	err = json.Unmarshal(data, e.Request)
	return e, e.Request.Call == "" && q.MatchesRequest(*e.Request), err
}

func decodeDelivery(data []byte, _ traffic.Query) (e Entry, ok bool, err error) {
	e.Delivery = &traffic.Delivery{}
	return e, true, json.Unmarshal(data, e.Delivery)
}

func decodeCall(data []byte, _ traffic.Query) (e Entry, ok bool, err error) {
	e.Call = &traffic.Call{}
	return e, true, json.Unmarshal(data, e.Call)
}

// open opens every stream of the emulator, behind what was shown. The error is that of the first
// that cannot be had; none is open then.
func (f *Follower) open(ctx context.Context) (feeds []feed, err error) {
	from, err := f.Find()
	if err != nil {
		return nil, err
	}
	for _, s := range from.streams(f.Query) {
		response, err := request(ctx, s.address, f.seen[s.name]) //nolint:bodyclose // closeAll closes it
		if err != nil {
			closeAll(feeds)
			return nil, err
		}
		feeds = append(feeds, feed{s, response.Body})
	}
	return feeds, nil
}

// closeAll closes streams; they were only read.
func closeAll(feeds []feed) {
	for _, one := range feeds {
		_ = one.body.Close()
	}
}

// read shows what the streams have until one of them ends, or ctx does. All have ended when it
// returns.
func (f *Follower) read(ctx context.Context, feeds []feed) {
	var reading sync.WaitGroup
	ended := make(chan struct{}, len(feeds))
	for _, one := range feeds {
		reading.Go(func() {
			f.follow(one)
			ended <- struct{}{}
		})
	}
	select {
	case <-ended:
	case <-ctx.Done():
	}
	closeAll(feeds) // which ends the others
	reading.Wait()
}

// follow shows what one stream has until it ends.
func (f *Follower) follow(from feed) {
	lines := bufio.NewScanner(from.body)
	lines.Buffer(nil, maxEvent)
	var id, kind string
	var data []byte
	for lines.Scan() {
		name, value, _ := bytes.Cut(lines.Bytes(), []byte(": "))
		switch string(name) {
		case "id":
			id = string(value)
		case "event":
			kind = string(value)
		case "data":
			data = bytes.Clone(value)
		case "": // the end of an event, or a comment
			if len(lines.Bytes()) > 0 {
				continue
			}
			f.event(from.stream, id, kind, data)
			kind, data = "", nil
		}
	}
}

// event shows one event, and then remembers its ID. One that stands alone is where the stream
// begins.
func (f *Follower) event(of stream, id, kind string, data []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	switch {
	case data == nil:
	case kind == "" || kind == of.name:
		if entry, ok, err := of.decode(data, f.Query); ok && err == nil {
			f.Show(entry)
		}
	case kind == "missed", kind == "dropped": // the cloud's word and the gateway's
		f.Say(bilingual.Sprintf("some are not shown, since the emulator remembers no more: %s", "部分记录未显示，模拟器已不再保留：%s", data))
	}
	if id != "" {
		f.seen[of.name] = id
	}
}

// get reads a JSON document.
func get(ctx context.Context, address string, into any) error {
	response, err := request(ctx, address, "")
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

// request sends a GET; of a stream last is the ID to go on behind. The error has what the emulator
// says instead of an answer.
func request(ctx context.Context, address, last string) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, bilingual.Errorf("asking the emulator: %w", "询问模拟器：%w", err)
	}
	if last != "" {
		request.Header.Set("Last-Event-ID", last)
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
