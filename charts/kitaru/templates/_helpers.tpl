{{/* The name that all objects of the release begin with: `kitaru` for the release kitaru. */}}
{{- define "kitaru.name" -}}
{{- if contains "kitaru" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-kitaru" (.Release.Name | trunc 33 | trimSuffix "-") -}}
{{- end -}}
{{- end }}

{{- define "kitaru.operator" -}}
{{- include "kitaru.name" . }}-operator
{{- end }}

{{- define "kitaru.selector" -}}
app.kubernetes.io/name: kitaru-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "kitaru.labels" -}}
{{ include "kitaru.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: kitaru
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "kitaru.image" -}}
{{- $repository := required "image.repository is empty: name the operator's image" .Values.image.repository -}}
{{- if .Values.image.digest -}}
{{- $repository }}@{{ .Values.image.digest }}
{{- else -}}
{{- $repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end }}
