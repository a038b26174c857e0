package containertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/goccy/go-yaml"
)

// Manifest is one object of a file for Kubernetes, as far as the repository's own go
// (kubernetes.io/docs/reference/kubernetes-api). The kinds share one type: their members differ by
// name wherever they differ in meaning.
type Manifest struct {
	APIVersion string            `yaml:"apiVersion"`
	Kind       string            `yaml:"kind"`
	Metadata   Metadata          `yaml:"metadata"`
	Data       map[string]string `yaml:"data"`
	Spec       ManifestSpec      `yaml:"spec"`
}

// Metadata names an object.
type Metadata struct {
	Name   string            `yaml:"name"`
	Labels map[string]string `yaml:"labels"`
}

// ManifestSpec is what a Job, a Deployment, a Service or a CronJob says.
type ManifestSpec struct {
	Replicas                   int            `yaml:"replicas"`
	Strategy                   map[string]any `yaml:"strategy"`
	Selector                   map[string]any `yaml:"selector"`
	Ports                      []Port         `yaml:"ports"`
	Template                   Template       `yaml:"template"`
	BackoffLimit               int            `yaml:"backoffLimit"`
	TTLSecondsAfterFinished    int            `yaml:"ttlSecondsAfterFinished"`
	ActiveDeadlineSeconds      int            `yaml:"activeDeadlineSeconds"`
	Schedule                   string         `yaml:"schedule"`
	ConcurrencyPolicy          string         `yaml:"concurrencyPolicy"`
	StartingDeadlineSeconds    int            `yaml:"startingDeadlineSeconds"`
	SuccessfulJobsHistoryLimit int            `yaml:"successfulJobsHistoryLimit"`
	FailedJobsHistoryLimit     int            `yaml:"failedJobsHistoryLimit"`
	JobTemplate                *struct {
		Spec ManifestSpec `yaml:"spec"`
	} `yaml:"jobTemplate"`
}

// Port is a port of a container or of a Service.
type Port struct {
	Name          string `yaml:"name"`
	ContainerPort int    `yaml:"containerPort"`
	Port          int    `yaml:"port"`
	TargetPort    string `yaml:"targetPort"`
}

// Template is what the pods of an object are like.
type Template struct {
	Metadata Metadata `yaml:"metadata"`
	Spec     Pod      `yaml:"spec"`
}

// Pod is a pod of one container.
type Pod struct {
	RestartPolicy                 string `yaml:"restartPolicy"`
	TerminationGracePeriodSeconds int    `yaml:"terminationGracePeriodSeconds"`
	AutomountServiceAccountToken  *bool  `yaml:"automountServiceAccountToken"`
	SecurityContext               struct {
		RunAsNonRoot   bool              `yaml:"runAsNonRoot"`
		RunAsUser      int               `yaml:"runAsUser"`
		RunAsGroup     int               `yaml:"runAsGroup"`
		FSGroup        int               `yaml:"fsGroup"`
		SeccompProfile map[string]string `yaml:"seccompProfile"`
	} `yaml:"securityContext"`
	Containers []PodContainer `yaml:"containers"`
	Volumes    []struct {
		Name   string `yaml:"name"`
		Secret struct {
			SecretName  string `yaml:"secretName"`
			DefaultMode int    `yaml:"defaultMode"`
		} `yaml:"secret"`
	} `yaml:"volumes"`
}

// PodContainer is a container of a pod.
type PodContainer struct {
	Name            string                       `yaml:"name"`
	Image           string                       `yaml:"image"`
	Command         []string                     `yaml:"command"`
	Ports           []Port                       `yaml:"ports"`
	EnvFrom         []map[string]Metadata        `yaml:"envFrom"`
	StartupProbe    *Probe                       `yaml:"startupProbe"`
	ReadinessProbe  *Probe                       `yaml:"readinessProbe"`
	LivenessProbe   *Probe                       `yaml:"livenessProbe"`
	Lifecycle       Lifecycle                    `yaml:"lifecycle"`
	Resources       map[string]map[string]string `yaml:"resources"`
	SecurityContext struct {
		AllowPrivilegeEscalation *bool               `yaml:"allowPrivilegeEscalation"`
		ReadOnlyRootFilesystem   bool                `yaml:"readOnlyRootFilesystem"`
		Capabilities             map[string][]string `yaml:"capabilities"`
	} `yaml:"securityContext"`
	VolumeMounts []struct {
		Name      string `yaml:"name"`
		MountPath string `yaml:"mountPath"`
		ReadOnly  bool   `yaml:"readOnly"`
	} `yaml:"volumeMounts"`
}

// Probe is how a container's health is asked for.
type Probe struct {
	HTTPGet struct {
		Path string `yaml:"path"`
		Port string `yaml:"port"`
	} `yaml:"httpGet"`
	PeriodSeconds    int `yaml:"periodSeconds"`
	FailureThreshold int `yaml:"failureThreshold"`
}

// Lifecycle has the pause before SIGTERM, which is part of the time that a pod has to end.
type Lifecycle struct {
	PreStop struct {
		Sleep struct {
			Seconds int `yaml:"seconds"`
		} `yaml:"sleep"`
	} `yaml:"preStop"`
}

// ReadManifests reads a file for Kubernetes. A name that is in none of the types above is an error.
func ReadManifests(name string) ([]Manifest, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(text), yaml.Strict())
	var all []Manifest
	for {
		var m Manifest
		switch err := decoder.Decode(&m); {
		case errors.Is(err, io.EOF):
			return all, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, m)
	}
}

// Job is the Job, or what a CronJob makes each time, or what a Deployment keeps running: the
// innermost specification with a pod.
func (m *Manifest) Job() ManifestSpec {
	if m.Spec.JobTemplate != nil {
		return m.Spec.JobTemplate.Spec
	}
	return m.Spec
}
