//go:build databases

package year_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"html"
	"io"
	"math"
	"os"
	"strings"
	"testing"
	"time"
)

// panel is a chart of its own above the year.
type panel struct {
	title string
	lines []line
}

// line is one of a panel's lines. Its name stands at its end.
type line struct {
	name, class string
	of          func(sample) float64
}

var panels = []panel{
	{"Size with indexes, MB", []line{
		{"orders", "a", func(s sample) float64 { return inMegabytes(s.Orders) }},
		{"events", "b", func(s sample) float64 { return inMegabytes(s.Events) }},
		{"tombstones", "c", func(s sample) float64 { return inMegabytes(s.Tombstones) }},
	}},
	{"Dead rows, thousands", []line{
		{"orders", "a", func(s sample) float64 { return float64(s.DeadOrders) / 1000 }},
		{"events", "b", func(s sample) float64 { return float64(s.DeadEvents) / 1000 }},
	}},
	{"Autovacuum runs, in all", []line{
		{"orders", "a", func(s sample) float64 { return float64(s.VacuumedOrders) }},
		{"events", "b", func(s sample) float64 { return float64(s.VacuumedEvents) }},
	}},
	{"First claim of a new process, ms", []line{
		{"claim", "a", func(s sample) float64 { return float64(s.Claim) / float64(time.Millisecond) }},
	}},
	{"Pages that its scan reads", []line{
		{"pages", "a", func(s sample) float64 { return float64(s.Pages) }},
	}},
}

// The drawing's measures, in its own units.
const (
	width, left, right = 720, 52, 92
	head, plot, foot   = 34, 96, 26
	panelHeight        = head + plot + foot
)

// style is readable on a light page and on a dark one.
const style = `text{font:12px system-ui,sans-serif;fill:#3d4653}.t{font-weight:600;fill:#1f2630}.g{stroke:#d9dee5;stroke-width:1}
.m{stroke:#8a94a3;stroke-width:1;stroke-dasharray:3 3}.l{fill:none;stroke-width:1.8;stroke-linejoin:round}
.a{stroke:#0b63c4}.b{stroke:#b4470b}.c{stroke:#27803b}.na{fill:#0b63c4}.nb{fill:#b4470b}.nc{fill:#27803b}
@media (prefers-color-scheme:dark){text{fill:#b6c0cd}.t{fill:#e9eef5}.g{stroke:#39424e}.m{stroke:#7b8696}
.a{stroke:#6cb0ff}.b{stroke:#f5a36b}.c{stroke:#72cf86}.na{fill:#6cb0ff}.nb{fill:#f5a36b}.nc{fill:#72cf86}}`

// chart draws all panels, one below the other.
func chart(samples []sample) string {
	var d strings.Builder
	height := len(panels)*panelHeight + 6
	fmt.Fprintf(&d, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" width="%d" height="%d" role="img" aria-label=%q>`+"\n",
		width, height, width, height, "A register over a year: sizes, dead rows, autovacuum and the cost of claims")
	fmt.Fprintf(&d, "<style>%s</style>\n", style)
	for i, p := range panels {
		fmt.Fprintf(&d, `<g transform="translate(0 %d)">`+"\n", i*panelHeight)
		p.draw(&d, samples)
		d.WriteString("</g>\n")
	}
	d.WriteString("</svg>\n")
	return d.String()
}

// x is where a day is.
func x(day int) float64 { return left + float64(day)*(width-left-right)/days }

func (p panel) draw(d *strings.Builder, samples []sample) {
	most := 0.0
	for _, l := range p.lines {
		for _, s := range samples {
			most = max(most, l.of(s))
		}
	}
	step := niceStep(most)
	top := step * math.Max(1, math.Ceil(most/step))
	y := func(v float64) float64 { return head + plot - v/top*plot }
	text(d, left, head-16, "t", "start", p.title)
	for v := 0.0; v <= top+step/2; v += step {
		fmt.Fprintf(d, `<line class="g" x1="%d" x2="%d" y1="%.1f" y2="%.1f"/>`+"\n", left, width-right, y(v), y(v))
		text(d, left-6, y(v)+4, "", "end", fmt.Sprintf("%g", math.Round(v*1000)/1000))
	}
	for day := 0; day <= days; day += 60 {
		text(d, x(day), head+plot+16, "", "middle", fmt.Sprint("day ", day))
	}
	pruning := int(kept / (24 * time.Hour))
	fmt.Fprintf(d, `<line class="m" x1="%.1f" x2="%.1f" y1="%d" y2="%d"/>`+"\n", x(pruning), x(pruning), head-14, head+plot)
	text(d, x(pruning)+4, head-5, "", "start", "pruning begins")
	names := spread(p.lines, samples[len(samples)-1], y)
	for i, l := range p.lines {
		var points []string
		for _, s := range samples {
			points = append(points, fmt.Sprintf("%.1f,%.1f", x(s.Day), y(l.of(s))))
		}
		fmt.Fprintf(d, `<polyline class="l %s" points="%s"/>`+"\n", l.class, strings.Join(points, " "))
		text(d, width-right+6, names[i], "n"+l.class, "start", l.name)
	}
}

// spread places the lines' names at their ends, apart from each other.
func spread(lines []line, last sample, y func(float64) float64) []float64 {
	const apart = 14
	at := make([]float64, len(lines))
	for i, l := range lines {
		at[i] = y(l.of(last)) + 4
	}
	for range lines { // the lowest value has the lowest place
		for i := range at {
			for j := range at {
				if gap := at[j] - at[i]; i != j && gap >= 0 && gap < apart && (gap > 0 || j > i) {
					at[i], at[j] = at[i]-(apart-gap)/2, at[j]+(apart-gap)/2
				}
			}
		}
	}
	return at
}

// niceStep is the distance of the lines that a value is read by: three to six of them.
func niceStep(most float64) float64 {
	if most <= 0 {
		return 1
	}
	step := math.Pow(10, math.Floor(math.Log10(most)))
	for _, part := range []float64{0.2, 0.5, 1} {
		if most/(step*part) <= 5 {
			return step * part
		}
	}
	return step * 2
}

func text(d *strings.Builder, x, y float64, class, anchor, words string) {
	if class != "" {
		class = fmt.Sprintf(" class=%q", class)
	}
	fmt.Fprintf(d, `<text x="%.1f" y="%.1f"%s text-anchor=%q>%s</text>`+"\n", x, y, class, anchor, html.EscapeString(words))
}

// table has the figures of some days.
func table(samples []sample) string {
	var b strings.Builder
	b.WriteString("| day | orders kept | orders, MB | events, MB | tombstones, MB | dead rows, orders and events |" +
		" autovacuum runs, orders and events | first claim, ms | pages read for it |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for i, s := range samples {
		if s.Day%30 != 0 && i > 0 && i < len(samples)-1 {
			continue
		}
		fmt.Fprintf(&b, "| %d | %d | %s | %s | %s | %d, %d | %d, %d | %.1f | %d |\n", s.Day, s.Rows,
			megabytes(s.Orders), megabytes(s.Events), megabytes(s.Tombstones), s.DeadOrders, s.DeadEvents,
			s.VacuumedOrders, s.VacuumedEvents, float64(s.Claim.Microseconds())/1000, s.Pages)
	}
	return b.String()
}

// wellFormed wants the drawing to be XML.
func wellFormed(t *testing.T, drawing string) {
	t.Helper()
	for decoder := xml.NewDecoder(strings.NewReader(drawing)); ; {
		_, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatalf("the chart: %v", err)
		}
	}
}

// publish writes the chart, and the figures between their marks.
func publish(t *testing.T, drawing, figures string) {
	t.Helper()
	const document, begin, end = "../../docs/scale.md", "<!-- the year: make proof-year -->\n", "<!-- the year ends -->\n"
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), begin)
	_, after, found2 := strings.Cut(rest, end)
	if !found || !found2 {
		t.Fatalf("%s has no place for the figures: %s", document, begin)
	}
	for path, content := range map[string]string{document: before + begin + "\n" + figures + "\n" + end + after, "../../docs/scale-year.svg": drawing} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
