//go:build sqlite

package app_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// A metric is named by its namespace, its name and its dimensions, all of which have to match.
type metricID struct{ namespace, name, dimensions string }

// metricFilter makes a metric of log lines.
type metricFilter struct {
	matches func(line map[string]any) bool
	metric  metricID
	// value is a number, or the path of one in the line. initial is the value of minutes with lines
	// of which none matches; empty for none.
	value, initial string
}

// cloudWatchAlarm is an alarm of docs/alarms/cloudwatch.yaml.
type cloudWatchAlarm struct {
	named  string
	metric metricID
	// unless is a metric of which any value but 0 makes metric 0; nil for none.
	unless              *metricID
	statistic, operator string
	period, periods     int // in minutes, and of how many all have to breach
	threshold           float64
	missingBreaches     bool
	filters             []metricFilter
	t                   *testing.T
}

// template is docs/alarms/cloudwatch.yaml with parameters, and the intrinsic functions of a
// template as far as it uses them.
type template struct {
	t          *testing.T
	parameters map[string]string

	Parameters map[string]struct {
		Default       string   `yaml:"Default"`
		AllowedValues []string `yaml:"AllowedValues"`
	} `yaml:"Parameters"`
	// Rules: parameters under which the condition of a rule holds have to fit its assertions, or
	// nothing is deployed.
	Rules map[string]struct {
		RuleCondition any `yaml:"RuleCondition"`
		Assertions    []struct {
			Assert            any    `yaml:"Assert"`
			AssertDescription string `yaml:"AssertDescription"`
		} `yaml:"Assertions"`
	} `yaml:"Rules"`
	Conditions map[string]any `yaml:"Conditions"`
	Resources  map[string]struct {
		Type       string         `yaml:"Type"`
		Condition  string         `yaml:"Condition"`
		Properties map[string]any `yaml:"Properties"`
	} `yaml:"Resources"`
}

// newTemplate reads the template and sets its parameters.
func newTemplate(t *testing.T, parameters map[string]string) *template {
	t.Helper()
	c := &template{t: t, parameters: map[string]string{"Function": function, "Topic": "arn:aws:sns:cn:1:topic"}}
	if err := yaml.Unmarshal(readAlarms(t, "cloudwatch.yaml"), c); err != nil {
		t.Fatal(err)
	}
	for name, p := range c.Parameters {
		if _, required := c.parameters[name]; !required {
			c.parameters[name] = p.Default
		}
	}
	maps.Copy(c.parameters, parameters)
	return c
}

// refusal is why the template's rules refuse its parameters; empty if they do not.
func (c *template) refusal() string {
	for _, rule := range c.Rules {
		for _, a := range rule.Assertions {
			if c.evaluate(rule.RuleCondition) && !c.evaluate(a.Assert) {
				return a.AssertDescription
			}
		}
	}
	return ""
}

// cloudWatchAlarms resolves the template with the given parameters.
func cloudWatchAlarms(t *testing.T, parameters map[string]string) []alarmRule {
	t.Helper()
	c := newTemplate(t, parameters)
	if why := c.refusal(); why != "" {
		t.Fatal(why)
	}
	var filters []metricFilter
	var rules []alarmRule
	for _, name := range slices.Sorted(maps.Keys(c.Resources)) {
		r := c.Resources[name]
		if r.Condition != "" && !c.evaluate(c.Conditions[r.Condition]) {
			continue
		}
		p, _ := c.resolve(r.Properties).(map[string]any)
		switch r.Type {
		case "AWS::Logs::MetricFilter":
			filters = append(filters, c.filter(p))
		case "AWS::CloudWatch::Alarm":
			rules = append(rules, c.alarm(name, p))
		default:
			t.Fatalf("%s is of the type %s", name, r.Type)
		}
	}
	for _, rule := range rules {
		rule.(*cloudWatchAlarm).filters = filters
	}
	return rules
}

// TestCloudWatchNeedsTheMerchant: without the merchant's number, alarms on the metrics of log lines
// would wait for metrics that nothing makes. Such a stack is refused.
func TestCloudWatchNeedsTheMerchant(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		parameters map[string]string
		refused    bool
	}{
		"from the log":                 {map[string]string{}, false},
		"from metrics":                 {map[string]string{"Metrics": "emf", "MchId": "1900000001"}, false},
		"from metrics, of no merchant": {map[string]string{"Metrics": "emf"}, true},
	} {
		if why := newTemplate(t, tc.parameters).refusal(); (why != "") != tc.refused || tc.refused && !strings.Contains(why, "MchId") {
			t.Errorf("%s: got the refusal %q, want one that names MchId: %v", name, why, tc.refused)
		}
	}
}

// function is the name of the Lambda function in the tests.
const function = "cloudpay-dev-closeorder"

// resolve replaces the intrinsic functions in a value. One that resolves to AWS::NoValue is left
// out.
func (c *template) resolve(value any) any {
	switch v := value.(type) {
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = c.resolve(v[i])
		}
		return list
	case map[string]any:
		if name, is := v["Ref"].(string); is {
			if name == "AWS::NoValue" {
				return nil
			}
			parameter, is := c.parameters[name]
			if !is {
				c.t.Fatalf("there is no parameter %s", name)
			}
			return parameter
		}
		if text, is := v["Fn::Sub"].(string); is {
			return regexp.MustCompile(`\$\{(\w+)\}`).ReplaceAllStringFunc(text, func(ref string) string {
				return fmt.Sprint(c.resolve(map[string]any{"Ref": ref[2 : len(ref)-1]}))
			})
		}
		if branches, is := v["Fn::If"].([]any); is {
			if c.evaluate(c.Conditions[branches[0].(string)]) {
				return c.resolve(branches[1])
			}
			return c.resolve(branches[2])
		}
		resolved := map[string]any{}
		for key, member := range v {
			if got := c.resolve(member); got != nil {
				resolved[key] = got
			}
		}
		return resolved
	}
	return value
}

// evaluate reports whether a condition holds.
func (c *template) evaluate(value any) bool {
	condition, _ := value.(map[string]any)
	if not, is := condition["Fn::Not"].([]any); is {
		return !c.evaluate(not[0])
	}
	pair, is := condition["Fn::Equals"].([]any)
	if !is {
		c.t.Fatalf("%v is no condition that compares", value)
	}
	return c.resolve(pair[0]) == c.resolve(pair[1])
}

func (c *template) filter(p map[string]any) metricFilter {
	c.t.Helper()
	pattern := p["FilterPattern"].(string)
	const longest = 1024
	transformations := p["MetricTransformations"].([]any)
	to := transformations[0].(map[string]any)
	if p["LogGroupName"] != "/aws/lambda/"+function || len(pattern) > longest || len(transformations) != 1 || to["Dimensions"] != nil {
		c.t.Fatalf("got the filter %v, want one of the function's log group, with one metric and no dimensions", p)
	}
	f := metricFilter{
		matches: parseFilter(c.t, pattern), value: fmt.Sprint(to["MetricValue"]),
		metric: metricID{namespace: to["MetricNamespace"].(string), name: to["MetricName"].(string)},
	}
	if initial, is := to["DefaultValue"]; is {
		f.initial = fmt.Sprint(initial)
	}
	return f
}

func (c *template) alarm(name string, p map[string]any) *cloudWatchAlarm {
	c.t.Helper()
	if p["AlarmName"] != function+"-"+name || p["DatapointsToAlarm"] != nil {
		c.t.Errorf("got the alarm %v for %s", p, name)
	}
	a := &cloudWatchAlarm{
		named: name, t: c.t, operator: p["ComparisonOperator"].(string), missingBreaches: p["TreatMissingData"] == "breaching",
	}
	if list, is := p["Metrics"].([]any); is {
		p = a.expression(p, list)
	}
	a.statistic, a.metric = p["Statistic"].(string), metricID{p["Namespace"].(string), p["MetricName"].(string), ""}
	var dimensions []string
	if list, is := p["Dimensions"].([]any); is {
		for _, d := range list {
			dimension := d.(map[string]any)
			dimensions = append(dimensions, fmt.Sprint(dimension["Name"], "=", dimension["Value"]))
		}
	}
	slices.Sort(dimensions)
	a.metric.dimensions = strings.Join(dimensions, ",")
	for key, to := range map[string]*int{"Period": &a.period, "EvaluationPeriods": &a.periods} {
		number, err := strconv.Atoi(fmt.Sprint(p[key]))
		if err != nil {
			c.t.Fatal(err)
		}
		*to = number
	}
	a.period /= 60
	threshold, err := strconv.ParseFloat(fmt.Sprint(p["Threshold"]), 64)
	if err != nil || a.period < 1 {
		c.t.Fatalf("got the alarm %v: %v", p, err)
	}
	a.threshold = threshold
	return a
}

// mathExpression is the one expression over metrics that our alarms use.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
var mathExpression = regexp.MustCompile(`^IF\(FILL\((\w+), 0\) == 0, FILL\((\w+), 0\), 0\)$`)

// expression reads an alarm on an expression over two metrics, and returns the properties of one on
// the metric that the expression may be.
func (a *cloudWatchAlarm) expression(p map[string]any, list []any) map[string]any {
	a.t.Helper()
	stats := map[string]map[string]any{}
	var names []string
	for _, element := range list {
		query := element.(map[string]any)
		if stat, is := query["MetricStat"].(map[string]any); is && query["ReturnData"] == false {
			stats[query["Id"].(string)] = stat
		} else if names = mathExpression.FindStringSubmatch(fmt.Sprint(query["Expression"])); names == nil {
			a.t.Fatalf("%s: the expression of %v is not known here", a.named, query)
		}
	}
	if len(names) == 0 || stats[names[1]] == nil || stats[names[2]] == nil || p["MetricName"] != nil || p["Period"] != nil ||
		fmt.Sprint(stats[names[1]]["Period"], stats[names[1]]["Stat"]) != fmt.Sprint(stats[names[2]]["Period"], stats[names[2]]["Stat"]) {
		a.t.Fatalf("%s: got the metrics %v, want an expression over two of one period", a.named, list)
	}
	unless, _ := stats[names[1]]["Metric"].(map[string]any)
	metric, _ := stats[names[2]]["Metric"].(map[string]any)
	a.unless = &metricID{unless["Namespace"].(string), unless["MetricName"].(string), ""}
	all := maps.Clone(p)
	maps.Copy(all, metric)
	all["Period"], all["Statistic"] = stats[names[2]]["Period"], stats[names[2]]["Stat"]
	return all
}

func (a *cloudWatchAlarm) name() string { return a.named }

// fires reports whether all of the last periods breach the threshold.
func (a *cloudWatchAlarm) fires(l *alarmLog) bool {
	for i := range a.periods {
		data := a.during(l, i, a.metric)
		if a.unless != nil && slices.ContainsFunc(a.during(l, i, *a.unless), func(v float64) bool { return v != 0 }) {
			data = []float64{0}
		}
		if !a.breaches(data) {
			return false
		}
	}
	return true
}

// during are a metric's values in one of the last periods.
func (a *cloudWatchAlarm) during(l *alarmLog, period int, metric metricID) []float64 {
	var data []float64
	for minute := l.now - (period+1)*a.period + 1; minute <= l.now-period*a.period; minute++ {
		data = append(data, a.data(l, minute, metric)...)
	}
	return data
}

func (a *cloudWatchAlarm) breaches(data []float64) bool {
	if len(data) == 0 {
		return a.missingBreaches
	}
	value := slices.Max(data)
	if a.statistic == "Sum" {
		value = 0
		for _, v := range data {
			value += v
		}
	} else if a.statistic != "Maximum" {
		a.t.Fatalf("the statistic %s is not known here", a.statistic)
	}
	switch a.operator {
	case "GreaterThanThreshold":
		return value > a.threshold
	case "LessThanThreshold":
		return value < a.threshold
	}
	a.t.Fatalf("the operator %s is not known here", a.operator)
	return false
}

// data are a metric's values of a minute.
func (a *cloudWatchAlarm) data(l *alarmLog, minute int, metric metricID) []float64 {
	var data []float64
	if metric == (metricID{"AWS/Lambda", "Errors", "FunctionName=" + function}) {
		for _, i := range l.invocations {
			if i.minute == minute {
				data = append(data, map[bool]float64{true: 1}[i.failed])
			}
		}
		return data
	}
	// The lines of a minute are together, and the newest are the last.
	for _, line := range l.within(l.now - minute + 1) {
		if line.minute != minute {
			break
		}
		for _, f := range a.filters {
			if f.metric == metric {
				data = append(data, f.read(a.t, line.fields)...)
			}
		}
		if value, is := emfMetrics(a.t, line)[metric]; is {
			data = append(data, value)
		}
	}
	return data
}

// read is the value that a filter makes of a line, if it makes one.
func (f metricFilter) read(t *testing.T, line map[string]any) []float64 {
	t.Helper()
	text := f.initial
	if f.matches(line) {
		text = f.value
	}
	if path, is := strings.CutPrefix(text, "$."); is {
		text = fmt.Sprint(at(line, path))
	}
	if text == "" {
		return nil
	}
	value, err := strconv.ParseFloat(text, 64)
	if err != nil {
		t.Errorf("the value %s of %v: %v", text, f.metric, err)
	}
	return []float64{value}
}

// at is a member of a line by its path; nil if there is none.
func at(line map[string]any, path string) any {
	var value any = line
	for name := range strings.SplitSeq(path, ".") {
		object, _ := value.(map[string]any)
		value = object[name]
	}
	return value
}

// filterTerm is a comparison of a filter pattern.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
var filterTerm = regexp.MustCompile(`^\s*\$\.([\w.]+) (?:(=|!=) "([^"]*)"|((?:>=|<=|>|<|=|!=) -?[0-9.]+)|(IS TRUE))\s*(&&|\|\||$)`)

// parseFilter parses comparisons with && between, or with || between.
func parseFilter(t *testing.T, pattern string) func(line map[string]any) bool {
	t.Helper()
	rest, begins := strings.CutPrefix(pattern, "{")
	rest, ends := strings.CutSuffix(rest, "}")
	if !begins || !ends {
		t.Fatalf("%s is no pattern for JSON", pattern)
	}
	var terms []func(map[string]any) bool
	either := strings.Contains(rest, "||")
	if either && strings.Contains(rest, "&&") {
		t.Fatalf("%s: && beside || is not known here", pattern)
	}
	for more := true; more; {
		term := filterTerm.FindStringSubmatch(rest)
		if term == nil {
			t.Fatalf("%s: %q is not known here", pattern, rest)
		}
		terms = append(terms, func(line map[string]any) bool { return termHolds(at(line, term[1]), term) })
		rest, more = rest[len(term[0]):], term[6] != ""
	}
	return func(line map[string]any) bool {
		if either {
			return slices.ContainsFunc(terms, func(holds func(map[string]any) bool) bool { return holds(line) })
		}
		return !slices.ContainsFunc(terms, func(holds func(map[string]any) bool) bool { return !holds(line) })
	}
}

// termHolds reports whether a member is as a comparison says. One that is not there is like
// nothing.
func termHolds(member any, term []string) bool {
	switch {
	case term[5] != "":
		return member == true
	case term[4] != "":
		number, is := member.(float64)
		return is && compares(number, term[4])
	}
	text, is := member.(string)
	return is && (text == term[3]) == (term[2] == "=")
}

// emfMetrics are the metrics that a line declares in the Embedded Metric Format, read as CloudWatch
// does: a line that breaks a rule of the format makes no metrics there, and fails the test here.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring
// (CloudWatch_Embedded_Metric_Format_Specification.html).
func emfMetrics(t *testing.T, line logLine) map[metricID]float64 {
	t.Helper()
	if _, declares := line.fields["_aws"]; !declares {
		return nil
	}
	var root struct {
		AWS struct {
			Timestamp         int64
			CloudWatchMetrics []struct {
				Namespace  string
				Dimensions [][]string
				Metrics    []struct{ Name, Unit string }
			}
		} `json:"_aws"`
	}
	const longest, mostMetrics, mostDimensions = 256 << 10, 100, 30
	if err := json.Unmarshal([]byte(line.text), &root); err != nil || root.AWS.Timestamp == 0 || len(line.text) > longest {
		t.Fatalf("got %s (%v), want a document of the format", line.text, err)
	}
	metrics := map[metricID]float64{}
	for _, directive := range root.AWS.CloudWatchMetrics {
		if directive.Namespace == "" || len(directive.Metrics) == 0 || len(directive.Metrics) > mostMetrics || len(directive.Dimensions) == 0 {
			t.Fatalf("got the directive %+v", directive)
		}
		for _, set := range directive.Dimensions {
			var dimensions []string
			for _, name := range set {
				value, is := line.fields[name].(string)
				if !is || value == "" || len(set) > mostDimensions {
					t.Fatalf("the dimension %s is %v, want a text", name, line.fields[name])
				}
				dimensions = append(dimensions, name+"="+value)
			}
			slices.Sort(dimensions)
			for _, m := range directive.Metrics {
				value, is := line.fields[m.Name].(float64)
				if !is || !slices.Contains([]string{"Count", "Seconds", "Count/Second"}, m.Unit) {
					t.Fatalf("the metric %s (%s) is %v, want a number with a unit", m.Name, m.Unit, line.fields[m.Name])
				}
				metrics[metricID{directive.Namespace, m.Name, strings.Join(dimensions, ",")}] = value
			}
		}
	}
	return metrics
}
