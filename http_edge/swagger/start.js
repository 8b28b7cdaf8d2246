// Starts Swagger UI on our own document. Nothing is asked of any other server: no validator badge, no example specification.
window.addEventListener("load", () => {
  SwaggerUIBundle({
    url: "/api/docs.json",
    dom_id: "#interface",
    deepLinking: true,
    docExpansion: "none",
    defaultModelsExpandDepth: 0,
    tryItOutEnabled: true,
    persistAuthorization: false,
    validatorUrl: null,
    presets: [SwaggerUIBundle.presets.apis],
  });
});
