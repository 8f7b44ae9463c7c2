// Package assess owns the answer to "what is wrong with which host": the index package → vulnerabilities → hosts, findings derived
// from it when asked (there is no findings table), and their explanations. Match and the status rules are pure; the index is memory,
// rebuilt from intervals at start and kept current by following changes.
package assess
