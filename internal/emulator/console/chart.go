package console

import (
	"context"
	"strconv"
	"time"
)

// The chart's size, in its own units, and how much it shows.
const (
	chartMinutes = 30
	barWidth     = 10
	barGap       = 2
	chartHeight  = 60
)

// bar is a piece of the chart: the requests of a minute with one kind of verdict.
type bar struct {
	X, Y, Width, Height int
	Kind                string // ok, refused or wrong
}

// minute is a column of the chart.
type minute struct {
	At                 time.Time
	Good, Refused, Bad int
}

// chart is what became of the requests to WeChat Pay, minute by minute.
type chart struct {
	Bars          []bar
	Minutes       []minute // those with requests, the newest first, for a table
	Width, Height int
	Most          int // requests in the fullest minute
	Total         int
}

// outcomes reads the requests of the last half hour, of which it draws the newest thousand.
func (c *Console) outcomes(ctx context.Context, now time.Time) (chart, error) {
	var found []request
	_, err := c.api.get(ctx, withQuery(c.api.admin+"/requests", "limit", strconv.Itoa(scanned)), &found)
	return draw(found, now), err
}

// draw puts requests into columns, the oldest on the left. now is within the last one's minute.
// Requests by a clock that is ahead of now, or older than the chart, are left out.
func draw(requests []request, now time.Time) chart {
	columns := make([]minute, chartMinutes)
	last := now.Truncate(time.Minute)
	for i := range columns {
		columns[i].At = last.Add(time.Duration(i-chartMinutes+1) * time.Minute)
	}
	for _, r := range requests {
		at := chartMinutes - 1 - int(last.Sub(r.Time.Truncate(time.Minute))/time.Minute)
		if at < 0 || at >= chartMinutes {
			continue
		}
		columns[at].add(r)
	}
	drawn := chart{Width: chartMinutes*(barWidth+barGap) - barGap, Height: chartHeight}
	for _, m := range columns {
		drawn.Most = max(drawn.Most, m.count())
		drawn.Total += m.count()
	}
	for i, m := range columns {
		drawn.Bars = append(drawn.Bars, m.bars(i*(barWidth+barGap), drawn.Most)...)
		if newest := columns[len(columns)-1-i]; newest.count() > 0 {
			drawn.Minutes = append(drawn.Minutes, newest)
		}
	}
	return drawn
}

// add counts a request.
func (m *minute) add(r request) {
	switch r.Verdict {
	case "ok":
		m.Good++
	case "refused":
		m.Refused++
	default:
		m.Bad++
	}
}

func (m *minute) count() int { return m.Good + m.Refused + m.Bad }

// bars stack a column from the bottom, each piece at least one unit high.
func (m *minute) bars(x, most int) (stack []bar) {
	bottom := chartHeight
	for _, piece := range []struct {
		kind  string
		count int
	}{{"ok", m.Good}, {"refused", m.Refused}, {"wrong", m.Bad}} {
		if piece.count == 0 {
			continue
		}
		height := max(piece.count*(chartHeight-2)/most, 1)
		bottom -= height
		stack = append(stack, bar{X: x, Y: bottom, Width: barWidth, Height: height, Kind: piece.kind})
	}
	return stack
}
