package sqs

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// MappingsPath is the path of Lambda's event source mappings; a UUID below it names one.
const MappingsPath = "/2015-03-31/event-source-mappings"

const (
	defaultBatch = 10
	maxBatch     = 10_000
)

// mappingRequest has the members of CreateEventSourceMapping that are played.
type mappingRequest struct {
	EventSourceArn, FunctionName   string
	BatchSize                      *int
	Enabled                        *bool
	FunctionResponseTypes          []string
	MaximumBatchingWindowInSeconds int
}

// ServeMappings answers Lambda's API of event source mappings: POST makes one, GET lists them, and
// DELETE of one's path removes it. A batch is not waited for (MaximumBatchingWindowInSeconds).
func (s *Service) ServeMappings(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	uuid := strings.Trim(strings.TrimPrefix(r.URL.Path, MappingsPath), "/")
	switch {
	case r.Method == http.MethodPost && uuid == "":
		s.createMapping(w, r)
	case r.Method == http.MethodGet && uuid == "":
		all := make([]map[string]any, 0, len(s.mappings))
		for _, m := range s.mappings {
			all = append(all, m.shown())
		}
		answerREST(w, http.StatusOK, "", map[string]any{"EventSourceMappings": all})
	case r.Method == http.MethodDelete && uuid != "":
		s.deleteMapping(w, uuid)
	default:
		refuseREST(w, http.StatusNotFound, "UnknownOperationException", r.Method+" of event source mappings is not played")
	}
}

// functionName matches the name of a function, alone or at the end of its ARN.
var functionName = regexp.MustCompile(`^(?:arn:aws:lambda:[a-z0-9-]+:\d{12}:function:)?([A-Za-z0-9_-]{1,64})$`)

// createMapping answers 202 with the mapping. A second one of the same queue and function is
// refused, as on AWS.
func (s *Service) createMapping(w http.ResponseWriter, r *http.Request) {
	var asked mappingRequest
	if err := readRequest(w, r, &asked); err != nil {
		refuseREST(w, http.StatusBadRequest, "InvalidParameterValueException", err.Error()+" is not played")
		return
	}
	name := functionName.FindStringSubmatch(asked.FunctionName)
	queue := strings.TrimPrefix(asked.EventSourceArn, arnOf(""))
	size := defaultBatch
	if asked.BatchSize != nil {
		size = *asked.BatchSize
	}
	switch {
	case name == nil:
		refuseREST(w, http.StatusBadRequest, "InvalidParameterValueException", "FunctionName is no function's name or ARN")
	case s.queues[queue] == nil:
		refuseREST(w, http.StatusBadRequest, "InvalidParameterValueException",
			"The provided EventSourceArn names no queue: it has to be "+arnOf("QUEUE"))
	case size < 1 || size > maxBatch:
		refuseREST(w, http.StatusBadRequest, "InvalidParameterValueException", "BatchSize has to be 1 to 10000")
	case slices.ContainsFunc(s.mappings, func(m *mapping) bool { return m.Queue == queue && m.Function == name[1] }):
		refuseREST(w, http.StatusConflict, "ResourceConflictException", "The event source mapping with these arguments exists already.")
	default:
		m := &mapping{
			UUID: newID(), Queue: queue, Function: name[1], Size: size, Enabled: asked.Enabled == nil || *asked.Enabled,
			Partial: slices.Contains(asked.FunctionResponseTypes, "ReportBatchItemFailures"), Modified: s.clock.Time(), number: s.number(),
		}
		if err := s.spool.Put(mappingsKind, m.number, m); err != nil {
			refuseREST(w, http.StatusInternalServerError, "ServiceException", err.Error())
			return
		}
		s.mappings = append(s.mappings, m)
		s.start(r.Context(), m)
		s.change()
		answerREST(w, http.StatusAccepted, "", m.shown())
	}
}

func (s *Service) deleteMapping(w http.ResponseWriter, uuid string) {
	i := slices.IndexFunc(s.mappings, func(m *mapping) bool { return m.UUID == uuid })
	if i < 0 {
		refuseREST(w, http.StatusNotFound, "ResourceNotFoundException", "The resource you requested does not exist.")
		return
	}
	m := s.mappings[i]
	if err := s.spool.Remove(mappingsKind, m.number); err != nil {
		refuseREST(w, http.StatusInternalServerError, "ServiceException", err.Error())
		return
	}
	m.gone, s.mappings = true, slices.Delete(s.mappings, i, i+1)
	s.change()
	answerREST(w, http.StatusAccepted, "", m.shown())
}

// shown is a mapping as Lambda's API shows it. Times are seconds since 1970.
func (m *mapping) shown() map[string]any {
	state := map[bool]string{true: "Enabled", false: "Disabled"}[m.Enabled]
	if m.gone {
		state = "Deleting"
	}
	types := []string{}
	if m.Partial {
		types = append(types, "ReportBatchItemFailures")
	}
	return map[string]any{
		"UUID": m.UUID, "EventSourceArn": arnOf(m.Queue), "BatchSize": m.Size, "State": state, "FunctionResponseTypes": types,
		"FunctionArn":  "arn:aws:lambda:" + region + ":" + account + ":function:" + m.Function,
		"LastModified": float64(m.Modified.UnixMilli()) / 1000,
	}
}

// answerREST writes an answer of Lambda's REST API. kind is the error's, empty for none.
func answerREST(w http.ResponseWriter, status int, kind string, document any) {
	if kind != "" {
		w.Header().Set("X-Amzn-Errortype", kind)
	}
	answer(w, status, document)
}

func refuseREST(w http.ResponseWriter, status int, kind, message string) {
	answerREST(w, status, kind, map[string]string{"Type": "User", "Message": message})
}
