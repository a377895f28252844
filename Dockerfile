# One image for every role; what it does is the command: `up`, `topics apply`, …
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
COPY schemas schemas
COPY connectors connectors
COPY projections projections
COPY streams streams
RUN python -m venv /opt/tillstream \
    && /opt/tillstream/bin/pip install --no-cache-dir -c constraints.txt .

FROM python:3.11.14-slim-bookworm
RUN useradd --system --uid 10001 --create-home --home-dir /var/lib/tillstream tillstream
COPY --from=build /opt/tillstream /opt/tillstream
ENV PATH=/opt/tillstream/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    TILLSTREAM_HOST=0.0.0.0 \
    TILLSTREAM_PORT=8013 \
    TILLSTREAM_DATA_DIR=/var/lib/tillstream
USER tillstream
WORKDIR /var/lib/tillstream
VOLUME /var/lib/tillstream
EXPOSE 8013
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=6 \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8013/readyz', timeout=4)"]
ENTRYPOINT ["tillstream"]
CMD ["up"]
