package scheduler

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the zone of a schedule, on a machine without a database of zones
)

// Path is the path of the schedules; a name below it is one schedule's.
const Path = "/schedules"

const (
	maxRequest   = 1 << 20
	maxInput     = 256 << 10
	maxSchedules = 100_000 // the real quota is ten million
	group        = "default"
)

// createRequest has the members of CreateSchedule that are played. Any other is refused by name.
type createRequest struct {
	Action      string  `json:"ActionAfterCompletion"`
	ClientToken string  `json:"ClientToken"`
	Description string  `json:"Description"`
	Group       string  `json:"GroupName"`
	Expression  string  `json:"ScheduleExpression"`
	Zone        string  `json:"ScheduleExpressionTimezone"`
	State       string  `json:"State"`
	Window      *window `json:"FlexibleTimeWindow"`
	Target      target  `json:"Target"`
}

type window struct {
	Mode    string `json:"Mode"`
	Minutes int    `json:"MaximumWindowInMinutes"`
}

type target struct {
	ARN   string `json:"Arn"`
	Role  string `json:"RoleArn"`
	Input string `json:"Input"`
	Retry *retry `json:"RetryPolicy"`
	Dead  *dead  `json:"DeadLetterConfig"`
}

// retry is read and not used: a target that does not take an event is not tried again.
type retry struct {
	Attempts *int `json:"MaximumRetryAttempts"`
	Seconds  *int `json:"MaximumEventAgeInSeconds"`
}

type dead struct {
	ARN string `json:"Arn"`
}

// refusal is an error in the service's form.
type refusal struct {
	status        int
	kind, message string
}

func invalid(format string, args ...any) *refusal {
	return &refusal{http.StatusBadRequest, "ValidationException", fmt.Sprintf(format, args...)}
}

func notFound(name string) *refusal {
	return &refusal{http.StatusNotFound, "ResourceNotFoundException", "Schedule " + name + " does not exist."}
}

// ServeHTTP answers CreateSchedule (POST), GetSchedule (GET) and DeleteSchedule (DELETE) of
// /schedules/{name}, and ListSchedules (GET /schedules), in the group default.
func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	name := strings.Trim(strings.TrimPrefix(r.URL.Path, Path), "/")
	var result any
	var refused *refusal
	switch {
	case r.Method == http.MethodPost && name != "":
		result, refused = s.create(w, r, name)
	case r.Method == http.MethodGet && name != "":
		result, refused = s.get(name)
	case r.Method == http.MethodDelete && name != "":
		result, refused = s.delete(name)
	case r.Method == http.MethodGet:
		result = s.list()
	default:
		refused = &refusal{http.StatusNotFound, "UnknownOperationException", r.Method + " of schedules is not played"}
	}
	status := http.StatusOK
	if refused != nil {
		w.Header().Set("X-Amzn-Errortype", refused.kind)
		status, result = refused.status, map[string]string{"Message": refused.message}
	}
	text, _ := json.Marshal(result) // texts and numbers always encode
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(text) // the caller may be gone
}

// scheduleName matches a schedule's name.
var scheduleName = regexp.MustCompile(`^[0-9A-Za-z_.-]{1,64}$`)

// create makes a schedule. A name that is taken is refused, also with the same content.
func (s *Service) create(w http.ResponseWriter, r *http.Request, name string) (any, *refusal) {
	one, refused := read(w, r, name)
	switch {
	case refused != nil:
		return nil, refused
	case s.find(name) != nil:
		return nil, &refusal{http.StatusConflict, "ConflictException", "Schedule " + name + " already exists."}
	case len(s.schedules) >= maxSchedules:
		return nil, &refusal{
			http.StatusPaymentRequired, "ServiceQuotaExceededException", fmt.Sprintf("the emulator has %d schedules", maxSchedules),
		}
	}
	s.last++
	one.Created, one.number = s.clock.Time(), s.last
	if err := s.spool.Put(kind, one.number, one); err != nil {
		return nil, &refusal{http.StatusInternalServerError, "InternalServerException", err.Error()}
	}
	s.schedules = append(s.schedules, one)
	s.start(r.Context())
	s.change()
	return map[string]string{"ScheduleArn": one.arn()}, nil
}

// read reads and checks a request.
func read(w http.ResponseWriter, r *http.Request, name string) (*schedule, *refusal) {
	var asked createRequest
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		return nil, invalid("the request is longer than %d bytes, or cut off", maxRequest)
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return nil, invalid("the request (%.100q) is not played", err)
	}
	at, refused := timeOf(asked.Expression, asked.Zone)
	if refused == nil {
		refused = asked.check(name)
	}
	if refused != nil {
		return nil, refused
	}
	one := &schedule{
		Name: name, Expression: asked.Expression, Zone: asked.Zone, At: at,
		Target: asked.Target.ARN, Role: asked.Target.Role, Input: asked.Target.Input, Delete: asked.Action == "DELETE",
	}
	if letters := asked.Target.Dead; letters != nil {
		one.DeadLetter = letters.ARN
	}
	return one, nil
}

// check says what is wrong with a request besides its time; nil if nothing is.
func (asked createRequest) check(name string) *refusal {
	switch {
	case !scheduleName.MatchString(name):
		return invalid("the name %.100q has to be 1 to 64 letters, digits, _, . and -", name)
	case asked.Window == nil || asked.Window.Mode != "OFF":
		return invalid("FlexibleTimeWindow is required, and only its Mode OFF is played")
	case asked.Group != "" && asked.Group != group, asked.State != "" && asked.State != "ENABLED":
		return invalid("only the group default and the state ENABLED are played")
	case !slices.Contains([]string{"", "NONE", "DELETE"}, asked.Action):
		return invalid("ActionAfterCompletion has to be NONE or DELETE")
	case !isTarget(asked.Target.ARN):
		return invalid("the target %.200q is not played: a queue of SQS and a function of Lambda are", asked.Target.ARN)
	case !strings.HasPrefix(asked.Target.Role, "arn:aws:iam::"):
		return invalid("Target.RoleArn is required, and has to be the ARN of a role")
	case len(asked.Target.Input) > maxInput || asked.Target.Input == "":
		return invalid("Target.Input has to have 1 to %d bytes", maxInput)
	}
	return nil
}

// isTarget reports whether an ARN is a queue's or a function's.
func isTarget(arn string) bool {
	return strings.HasPrefix(arn, "arn:aws:sqs:") || strings.HasPrefix(arn, "arn:aws:lambda:")
}

// once matches the expression of a one-shot schedule.
var once = regexp.MustCompile(`^at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)$`)

// timeOf is the time of an expression. Without a zone it is UTC. The seconds are kept: the real
// service promises the minute.
func timeOf(expression, zone string) (time.Time, *refusal) {
	parts := once.FindStringSubmatch(expression)
	if parts == nil {
		return time.Time{}, invalid("Invalid Schedule Expression %.100s: only at(yyyy-mm-ddThh:mm:ss) is played", expression)
	}
	place, err := time.LoadLocation(zone)
	if err != nil {
		return time.Time{}, invalid("there is no time zone %.100q", zone)
	}
	at, err := time.ParseInLocation("2006-01-02T15:04:05", parts[1], place)
	if err != nil {
		return time.Time{}, invalid("Invalid Schedule Expression %.100s", expression)
	}
	return at, nil
}

func (s *Service) find(name string) *schedule {
	for _, one := range s.schedules {
		if one.Name == name {
			return one
		}
	}
	return nil
}

func (s *Service) get(name string) (any, *refusal) {
	one := s.find(name)
	if one == nil {
		return nil, notFound(name)
	}
	return one.shown(), nil
}

// delete removes a schedule. One that is being sent is sent all the same.
func (s *Service) delete(name string) (any, *refusal) {
	one := s.find(name)
	if one == nil {
		return nil, notFound(name)
	}
	s.drop(one)
	s.change()
	return map[string]any{}, nil
}

func (s *Service) list() any {
	all := make([]map[string]any, 0, len(s.schedules))
	for _, one := range s.schedules {
		all = append(all, map[string]any{"Name": one.Name, "Arn": one.arn(), "GroupName": group, "State": "ENABLED"})
	}
	return map[string]any{"Schedules": all}
}

// arn is the schedule's full name.
func (one *schedule) arn() string {
	return "arn:aws:scheduler:us-east-1:123456789012:schedule/" + group + "/" + one.Name
}

// shown is a schedule as GetSchedule shows it. Times are seconds since 1970.
func (one *schedule) shown() map[string]any {
	after := map[bool]string{true: "DELETE", false: "NONE"}[one.Delete]
	target := map[string]any{"Arn": one.Target, "RoleArn": one.Role, "Input": one.Input}
	if one.DeadLetter != "" {
		target["DeadLetterConfig"] = map[string]string{"Arn": one.DeadLetter}
	}
	zone := one.Zone
	if zone == "" {
		zone = "UTC"
	}
	return map[string]any{
		"Name": one.Name, "Arn": one.arn(), "GroupName": group, "State": "ENABLED", "ScheduleExpression": one.Expression,
		"ScheduleExpressionTimezone": zone, "FlexibleTimeWindow": map[string]string{"Mode": "OFF"}, "ActionAfterCompletion": after,
		"Target": target, "CreationDate": float64(one.Created.UnixMilli()) / 1000,
	}
}
